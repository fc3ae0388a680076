import { useMDXComponents as getDocsMDXComponents } from 'nextra-theme-docs'
const docs = getDocsMDXComponents()
export const useMDXComponents = (components) => ({ ...docs, ...components })
