import remarkMath from 'remark-math';
import rehypeKatex from 'rehype-katex';
import npm2yarn from '@docusaurus/remark-plugin-npm2yarn';

export default {
  title: 'Pumpkit',
  tagline: 'Pumps under control',
  url: 'https://docs.example.org',
  baseUrl: '/',
  favicon: 'img/logo.svg',
  onBrokenLinks: 'warn',
  onBrokenAnchors: 'ignore',
  i18n: { defaultLocale: 'en', locales: ['en', 'de'] },
  markdown: { mermaid: true },
  themes: ['@docusaurus/theme-mermaid', '@docusaurus/theme-live-codeblock'],
  presets: [['classic', {
    docs: {
      sidebarPath: './sidebars.js',
      editUrl: 'https://example.org/edit/',
      showLastUpdateTime: true,
      showLastUpdateAuthor: true,
      lastVersion: 'current',
      versions: { current: { label: '2.1' } },
      remarkPlugins: [remarkMath, [npm2yarn, { sync: true }]],
      rehypePlugins: [rehypeKatex],
    },
    blog: { showReadingTime: true, feedOptions: { type: 'all' } },
    theme: {},
    sitemap: { lastmod: 'date' },
  }]],
  themeConfig: {
    announcementBar: { id: 'star', content: 'If you like Pumpkit, <a href="https://example.org/star">give it a star</a>!' },
    docs: { sidebar: { hideable: true, autoCollapseCategories: true } },
    liveCodeBlock: { playgroundPosition: 'bottom' },
    navbar: { title: 'Pumpkit', logo: { alt: 'Drop', src: 'img/logo.svg' }, items: [
      { type: 'docSidebar', sidebarId: 'docs', position: 'left', label: 'Docs' },
      { to: '/blog', label: 'Blog', position: 'left' },
      { type: 'docsVersionDropdown', position: 'right' },
      { type: 'localeDropdown', position: 'right' },
      { type: 'search', position: 'right' },
    ] },
    footer: { style: 'dark', links: [{ title: 'Docs', items: [{ label: 'Text', to: '/docs/guide/text' }] }], copyright: 'Copyright © Pump people' },
    prism: { additionalLanguages: ['bash', 'diff', 'json'], magicComments: [
      { className: 'theme-code-block-highlighted-line', line: 'highlight-next-line', block: { start: 'highlight-start', end: 'highlight-end' } },
      { className: 'code-block-error-line', line: 'This will error' },
    ] },
  },
};
