import { Footer, Layout, Navbar } from 'nextra-theme-docs'
import { Banner, Head } from 'nextra/components'
import { getPageMap } from 'nextra/page-map'
import 'nextra-theme-docs/style.css'

export const metadata = { title: { default: 'Pumpkit', template: '%s | Pumpkit' }, metadataBase: new URL('https://docs.example.org') }

export default async function RootLayout({ children }) {
  return (
    <html lang="en" dir="ltr" suppressHydrationWarning>
      <Head />
      <body>
        <Layout
          banner={<Banner storageKey="three">Version 3 is near. <a href="https://example.org/three">Read on</a></Banner>}
          navbar={<Navbar logo={<b>Pumpkit</b>} projectLink="https://example.org/code" />}
          pageMap={await getPageMap()}
          docsRepositoryBase="https://example.org/edit"
          footer={<Footer>MIT 2024 © Pump people.</Footer>}
        >
          {children}
        </Layout>
      </body>
    </html>
  )
}
