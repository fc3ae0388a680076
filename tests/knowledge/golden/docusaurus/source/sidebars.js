module.exports = { docs: [
  { type: 'category', label: 'Guide', link: { type: 'generated-index', title: 'The guide', description: 'All that a pump needs.', slug: '/category/guide', keywords: ['guide'] },
    items: ['guide/text', 'guide/code', 'guide/blocks'] },
  { type: 'category', label: 'Reference', link: { type: 'doc', id: 'reference/index' }, items: ['reference/start'] },
] };
