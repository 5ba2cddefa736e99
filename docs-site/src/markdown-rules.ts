// How Markdown becomes HTML, where that is not VitePress's own way: links that lead out of the site become text, and nothing has a
// `style` attribute, so that the pages may forbid it.
import { globSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import type { MarkdownOptions } from 'vitepress'
import { outsideScheme } from './stage-pages.ts'

type MarkdownIt = Parameters<NonNullable<MarkdownOptions['config']>>[0]
type Token = ReturnType<MarkdownIt['parse']>[number]

/** The classes of the styles of code, as the pages that were made have them. */
const codeStyles = new Map<string, string>()

/** Adds these classes to the style sheet of the built site. */
export async function writeCodeStyles(site: string): Promise<void> {
  const [sheet] = globSync('assets/style.*.css', { cwd: site })
  if (sheet === undefined || codeStyles.size === 0) throw new Error('no style sheet, or no code')
  const classes = [...codeStyles].map(([style, name]) => `.${name}{${style}}`)
  await appendFile(path.join(site, sheet), classes.join(''))
}

export const markdownRules: MarkdownOptions = {
  anchor: { slugify: slugOfForge },
  config(md) {
    md.core.ruler.push('no-outside-links', ({ tokens }) => {
      for (const token of tokens) token.children = token.children && withoutOutsideLinks(token.children)
    })
    md.core.ruler.push('no-styles', ({ tokens }) => {
      for (const token of tokens) classForAlignment(token)
    })
  },
  codeTransformers: [
    {
      name: 'classes',
      postprocess: (html) =>
        html.replaceAll(
          / (?:class="([^"]*)" )?style="([^"]*)"/g,
          (_, classes: string | undefined, style: string) => {
            const name = classOf(style)
            return ` class="${classes === undefined ? name : `${classes} ${name}`}"`
          },
        ),
    },
  ],
}

// As forges make them, and the check of links knows them: no punctuation, hyphens for spaces.
function slugOfForge(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-')
}

function withoutOutsideLinks(tokens: readonly Token[]): Token[] {
  let isOutside = false
  return tokens.filter((token) => {
    if (token.type === 'link_open') {
      isOutside = token.attrGet('href')?.startsWith(outsideScheme) === true
      return !isOutside
    }
    if (token.type !== 'link_close' || !isOutside) return true
    isOutside = false
    return false
  })
}

function classForAlignment(token: Token): void {
  const style = token.attrGet('style')
  if (style === null) return
  token.attrs = (token.attrs ?? []).filter(([name]) => name !== 'style')
  token.attrJoin('class', style.replace('text-align:', 'align-'))
}

function classOf(style: string): string {
  const known = codeStyles.get(style)
  if (known !== undefined) return known
  const name = `code-${codeStyles.size}`
  codeStyles.set(style, name)
  return name
}
