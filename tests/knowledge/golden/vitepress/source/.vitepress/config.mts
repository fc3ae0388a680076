import { defineConfig } from 'vitepress'
import footnote from 'markdown-it-footnote'
import taskLists from 'markdown-it-task-lists'

export default defineConfig({
  title: 'Pumpkit',
  description: 'Pumps under control',
  lastUpdated: true,
  cleanUrls: false,
  sitemap: { hostname: 'https://docs.example.org' },
  markdown: {
    math: true,
    lineNumbers: true,
    config(md) {
      md.use(footnote)
      md.use(taskLists)
    },
  },
  themeConfig: {
    logo: '/logo.svg',
    search: { provider: 'local' },
    outline: 'deep',
    nav: [
      { text: 'Guide', link: '/guide/text' },
      { text: 'v2.1.0', items: [{ text: 'Changelog', link: 'https://example.org/changelog' }] },
    ],
    sidebar: [
      { text: 'Guide', collapsed: false, items: [
        { text: 'Text', link: '/guide/text' },
        { text: 'Code', link: '/guide/code' },
        { text: 'Blocks', link: '/guide/blocks' },
      ] },
      { text: 'Reference', items: [{ text: 'API', link: '/reference/api' }] },
    ],
    socialLinks: [{ icon: 'github', link: 'https://example.org/code' }],
    editLink: { pattern: 'https://example.org/edit/:path', text: 'Edit this page' },
    footer: { message: 'Released under the MIT License.', copyright: 'Copyright © Pump people' },
  },
  locales: {
    root: { label: 'English', lang: 'en' },
    de: { label: 'Deutsch', lang: 'de', link: '/de/' },
  },
})
