// Makes a built site that works under any path. VitePress wants to know its path when it builds. So it gets a word for it, and here
// each place of that word becomes relative: in pages and styles by dots, in scripts by what `base.js` has found out.
import { parseSync } from 'vite'

/** In the place of the path. */
export const base = '/keyhold-docs-base/'
const global = 'window.keyholdDocsBase'

/** @param place - of the page in the site */
export function relativePage(html: string, place: string): string {
  const up = '../'.repeat(place.split('/').length - 1)
  return html.replaceAll(base, up === '' ? './' : up)
}

/** @param place - of the style sheet in the site */
export function relativeStyles(css: string, place: string): string {
  return css.replaceAll(base, '../'.repeat(place.split('/').length - 1))
}

interface Node {
  type: string
  start: number
  end: number
}

/** The script with an expression wherever a string has the word in it. */
export function relativeScript(script: string): string {
  if (!script.includes(base)) return script
  const nodes: Node[] = []
  collectStrings(parseSync('script.js', script).program, nodes)
  let result = script
  for (const node of nodes.toSorted((a, b) => b.start - a.start)) {
    const text = script.slice(node.start, node.end)
    const changed =
      node.type === 'TemplateElement'
        ? text.replaceAll(base, `\${${global}}`)
        : `(${text.replaceAll(base, `${text[0] ?? ''}+${global}+${text[0] ?? ''}`)})`
    result = result.slice(0, node.start) + changed + result.slice(node.end)
  }
  if (result.includes(base)) throw new Error('a script has the path of the site outside of its strings')
  return result

  function collectStrings(value: unknown, found: Node[]): void {
    if (Array.isArray(value)) {
      for (const each of value) collectStrings(each, found)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const node = value as Node
    const isText = node.type === 'Literal' || node.type === 'TemplateElement'
    if (isText && script.slice(node.start, node.end).includes(base)) found.push(node)
    for (const each of Object.values(value)) collectStrings(each, found)
  }
}
