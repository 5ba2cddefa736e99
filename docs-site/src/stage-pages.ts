// Copies the documents to where they are in the site, with links as they are there. The documents themselves have links that a
// forge can follow.
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from './pages.ts'

const picture = /\.(?:svg|png)$/
/** A row with five cells at least. Beside an outline there is no room for it. */
const wideTable = /^\|(?:(?:[^|\\\n]|\\.)*\|){5,}$/m
const wide = '---\naside: false\npageClass: wide-tables\n---\n\n'
const code = /(^( *)(```|~~~)[\s\S]*?^\2\3|`[^`\n]*`)/gm
/** A link to something that is not in the site. `links-of-site.ts` makes text of it. */
export const outsideScheme = 'outside:'

export async function stagePages(root: string, pages: readonly Page[], folder: string): Promise<void> {
  const placeOf = new Map(pages.map(({ source, place }) => [source, place]))
  for (const page of pages) {
    const pictures = new Set<string>()
    const text = rewriteLinks(await readFile(path.join(root, page.source), 'utf8'), (target) =>
      linkOfSite(root, page, target, placeOf, pictures),
    )
    const file = path.join(folder, page.place)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, wideTable.test(text) ? wide + text : text)
    for (const each of pictures) {
      await mkdir(path.join(folder, path.dirname(each)), { recursive: true })
      await cp(path.join(root, each), path.join(folder, each))
    }
  }
}

/** Calls `rewrite` for the target of each link that is not in code. */
export function rewriteLinks(markdown: string, rewrite: (target: string) => string): string {
  // With one group around the separator, it is in the list, and so are its inner groups.
  const parts = markdown.split(code)
  return parts
    .map((part, index) => {
      const place = index % 4
      if (place === 1) return part
      return place === 0
        ? part.replace(
            /\]\((<?)([^)\s>]+)/g,
            (_, open: string, target: string) => `](${open}${rewrite(target)}`,
          )
        : ''
    })
    .join('')
}

function linkOfSite(
  root: string,
  { source, place }: Page,
  target: string,
  placeOf: ReadonlyMap<string, string>,
  pictures: Set<string>,
): string {
  if (/^(?:[a-z]+:|#)/i.test(target)) return target
  const [name = '', anchor] = decodeURI(target).split('#')
  const linked = path.posix.join(path.posix.dirname(source), name)
  const from = path.posix.dirname(place)
  if (picture.test(linked) && existsSync(path.join(root, linked))) {
    pictures.add(linked)
    return relative(from, linked)
  }
  const to = placeOf.get(linked)
  if (to === undefined) return `${outsideScheme}${linked}`
  return `${relative(from, to)}${anchor === undefined ? '' : `#${anchor}`}`
}

function relative(from: string, to: string): string {
  const found = path.posix.relative(from, to)
  return found.startsWith('.') ? found : `./${found}`
}
