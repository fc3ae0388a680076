import React from 'react';
import Link from '@docusaurus/Link';
import Layout from '@theme/Layout';
import Heading from '@theme/Heading';
import CodeBlock from '@theme/CodeBlock';

const features = [
  { title: 'No leaks', text: <>Every valve is <code>watched</code> twice a second.</> },
  { title: 'Speaks Modbus', text: <>Talks to the pumps that you already have.</> },
];

export default function Home() {
  return (
    <Layout title="Pumps under control" description="Pumps">
      <header className="hero hero--primary"><div className="container">
        <Heading as="h1" className="hero__title">Pumpkit</Heading>
        <p className="hero__subtitle">Pumps under control</p>
        <div className="buttons"><Link className="button button--secondary button--lg" to="/docs/guide/text">Get started - 5 min</Link></div>
      </div></header>
      <main>
        <section className="features"><div className="container"><div className="row">
          {features.map((one) => (
            <div className="col col--4" key={one.title}>
              <div className="text--center"><img src="/img/logo.svg" alt={`Picture of ${one.title}`} /></div>
              <div className="text--center padding-horiz--md"><Heading as="h3">{one.title}</Heading><p>{one.text}</p></div>
            </div>))}
        </div></div></section>
        <div className="bare">Install it with one line:<CodeBlock language="bash">npm install pumpkit</CodeBlock></div>
      </main>
    </Layout>
  );
}
