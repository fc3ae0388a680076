import { defineConfig } from 'astro/config';
import starlight from '@astrojs/starlight';
import remarkMath from 'remark-math';
import rehypeKatex from 'rehype-katex';
import imageZoom from 'starlight-image-zoom';

export default defineConfig({
  site: 'https://docs.example.org',
  telemetry: false,
  markdown: { remarkPlugins: [remarkMath], rehypePlugins: [rehypeKatex] },
  integrations: [starlight({
    title: 'Pumpkit',
    plugins: [imageZoom()],
    lastUpdated: true,
    editLink: { baseUrl: 'https://example.org/edit/' },
    social: [{ icon: 'github', label: 'GitHub', href: 'https://example.org/code' }],
    defaultLocale: 'root',
    locales: { root: { label: 'English', lang: 'en' }, de: { label: 'Deutsch', lang: 'de' } },
    sidebar: [
      { label: 'Guide', items: ['guide/text', 'guide/code', 'guide/blocks'] },
      { label: 'Reference', items: [{ slug: 'reference/api', badge: 'New' }] },
    ],
  })],
});
