// The folder of the built console: one page and its hashed files. The page is the same for every path below /console, and
// names its files relative to itself, so a proxy may put everything under a path of its own.
import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'

export interface ConsoleFolder {
  folder: string
  /** The page for a path so many folders below `/console/`. */
  pageAt(depth: number): string
}

const maxDepth = 8

/** @throws Error if it is none: `index.html` or the folder of its files is missing */
export function readConsoleFolder(folder: string): ConsoleFolder {
  const page = readFileSync(path.join(folder, 'index.html'), 'utf8')
  if (!page.includes('"./assets/') || !statSync(path.join(folder, 'assets')).isDirectory())
    throw new Error('index.html names no files in ./assets')
  const pages = Array.from({ length: maxDepth + 1 }, (_, depth) =>
    page.replaceAll('"./', `"${'../'.repeat(depth) || './'}`),
  )
  return {
    folder: path.resolve(folder),
    pageAt: (depth) => pages[Math.min(depth, maxDepth)] ?? page,
  }
}
