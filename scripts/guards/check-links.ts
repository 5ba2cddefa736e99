// Links between the Markdown files of the repository: the file and the heading that one names must be there.
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The Markdown files under `root`, without those of packages and of data directories. */
export function markdownFiles(root: string): string[] {
  const exclude = (name: string) => name === 'node_modules' || name === '.keyhold' || name === '.git'
  return globSync('**/*.md', { cwd: root, exclude: (name) => exclude(path.basename(name)) }).toSorted()
}

/** Answers one line for each link that leads nowhere. */
export function checkLinks(root: string): string[] {
  return markdownFiles(root).flatMap((file) => {
    const text = withoutCode(readFileSync(path.join(root, file), 'utf8'))
    const targets = [...text.matchAll(/\]\(<?([^)\s>]+)|^\[[^\]]+\]:\s*<?([^\s>]+)/gm)]
    return targets.flatMap(([, inline, reference]) => {
      const target = inline ?? reference ?? ''
      return /^[a-z]+:/i.test(target) || leadsSomewhere(root, file, target)
        ? []
        : [`${file}: the link to ${target} leads nowhere`]
    })
  })
}

function withoutCode(text: string): string {
  return text.replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, '').replace(/`[^`\n]*`/g, '')
}

function leadsSomewhere(root: string, file: string, target: string): boolean {
  const [name = '', anchor] = decodeURI(target).split('#')
  const linked = name === '' ? path.join(root, file) : path.join(root, path.dirname(file), name)
  if (!existsSync(linked)) return false
  if (anchor === undefined) return true
  return linked.endsWith('.md') && anchorsOf(readFileSync(linked, 'utf8')).has(anchor)
}

// As the sites that show the files make them: no punctuation, hyphens for spaces, numbers for repetitions.
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  const headings = text.replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, '').matchAll(/^#{1,6} +(.+?) *#*$/gm)
  for (const [, heading = ''] of headings) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`
    anchors.add(anchor)
  }
  return anchors
}
