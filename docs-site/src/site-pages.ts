// The pages that there are: those of the table, and documents that it does not name yet.
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { sections, type Page, type Section } from './pages.ts'

export function siteSections(root: string): Section[] {
  const existing = sections.map(({ title, pages }) => ({
    title,
    pages: pages.filter(({ source }) => existsSync(path.join(root, source))),
  }))
  const named = new Set(sections.flatMap(({ pages }) => pages.map(({ source }) => source)))
  const others = globSync('docs/**/*.md', { cwd: root })
    .filter((source) => !named.has(source))
    .sort()
    .map((source): Page => ({ source, place: source.replace('docs/', ''), title: heading(root, source) }))
  return [...existing, ...(others.length > 0 ? [{ title: 'More', pages: others }] : [])]
}

function heading(root: string, source: string): string {
  const [, text = source] = /^# +(.+)$/m.exec(readFileSync(path.join(root, source), 'utf8')) ?? []
  return text.replaceAll('`', '')
}
