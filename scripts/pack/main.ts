// `npm run pack`: the packages for npm, as tarballs. In the repository everything runs from source; the packages have
// JavaScript. Prints where they are. With names of workspaces, such as `npm run pack -- client`, it makes those alone;
// `--without-types` is for tests that only run them.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { buildPackage } from './build-package.ts'
import { commandStart, startOf } from './command-start.ts'
import { manPagesOf } from './make-man-pages.ts'
import { packages, type Package } from './packages.ts'
import { oldestNode, packageManifest, readWorkspaceManifest } from './workspace-manifest.ts'

const root = path.join(import.meta.dirname, '..', '..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: 'dist' },
    'without-types': { type: 'boolean', default: false },
  },
})

/** Puts everything that the package has into `folder`. */
async function stage(each: Package, folder: string): Promise<void> {
  const manifest = await readWorkspaceManifest(root, each.workspace)
  await mkdir(folder)
  await buildPackage(root, each, manifest, { folder, hasTypes: !values['without-types'] })
  for (const [command, entry] of Object.entries(each.commands ?? {}))
    await writeFile(path.join(folder, 'dist', startOf(entry)), commandStart(command, entry, oldestNode), {
      mode: 0o755,
    })
  const pages = manPagesOf(each.workspace, manifest.version)
  if (pages.length > 0) await mkdir(path.join(folder, 'man'))
  for (const { file, text } of pages) await writeFile(path.join(folder, 'man', file), text)
  await writeFile(
    path.join(folder, 'package.json'),
    packageManifest(
      each,
      manifest,
      pages.map(({ file }) => file),
    ),
  )
  await cp(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'))
  const readme = await readFile(path.join(root, each.workspace, 'README.md'), 'utf8')
  await writeFile(path.join(folder, 'README.md'), withoutOuterLinks(readme))
  for (const name of each.more ?? [])
    await cp(path.join(root, each.workspace, name), path.join(folder, name), { recursive: true })
}

/** Links to files that are not in the package become text. */
function withoutOuterLinks(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]+)\]\(\.\.\/[^)]*\)/g, '$1')
}

interface Packed {
  filename: string
  size: number
  unpackedSize: number
}

/** One npm for all of them: each takes longer to start than to pack. */
async function pack(folders: readonly string[], out: string): Promise<Packed[]> {
  const args = ['pack', ...folders, '--pack-destination', out, '--json', '--ignore-scripts']
  const { stdout } = await promisify(execFile)('npm', args)
  return JSON.parse(stdout) as Packed[]
}

const unknown = positionals.filter((name) => !packages.some(({ workspace }) => workspace === name))
if (unknown.length > 0) throw new Error(`there is no package of ${unknown.join(', ')}`)
const wanted = packages.filter(({ workspace }) => positionals.length === 0 || positionals.includes(workspace))

const out = path.resolve(values.out)
const staging = await mkdtemp(path.join(tmpdir(), 'keyhold-pack-'))
try {
  await mkdir(out, { recursive: true })
  const folders = wanted.map(({ workspace }) => path.join(staging, workspace))
  await Promise.all(wanted.map((each, index) => stage(each, folders[index] ?? staging)))
  const packed = await pack(folders, out)
  for (const { filename, size, unpackedSize } of packed) {
    const kilobytes = [size, unpackedSize].map((bytes) => Math.round(bytes / 1_000))
    console.error(`${filename}: ${kilobytes[0]} kB packed, ${kilobytes[1]} kB unpacked`)
    console.log(path.join(out, filename))
  }
} finally {
  await rm(staging, { recursive: true })
}
