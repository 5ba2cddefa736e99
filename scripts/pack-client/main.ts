// `npm run pack`: @keyhold/client as a package for npm, JavaScript and types with nothing to install beside them. In the
// repository it runs from source, and on other workspaces. Prints where the package is.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { bundleCode } from './bundle-code.ts'
import { bundleTypes } from './bundle-types.ts'
import { packageManifest } from './package-manifest.ts'

const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist' } } })
const root = path.join(import.meta.dirname, '..', '..')
const out = path.resolve(values.out)

const staging = await mkdtemp(path.join(tmpdir(), 'keyhold-pack-'))
try {
  const files = new Map([
    ['package.json', await packageManifest(root)],
    ...(await bundleCode(root)),
    ...bundleTypes(root),
  ])
  for (const [name, text] of files) {
    await mkdir(path.dirname(path.join(staging, name)), { recursive: true })
    await writeFile(path.join(staging, name), text)
  }
  for (const name of ['LICENSE', 'client/README.md', 'client/examples'])
    await cp(path.join(root, name), path.join(staging, path.basename(name)), { recursive: true })

  await mkdir(out, { recursive: true })
  const args = ['pack', staging, '--pack-destination', out, '--json', '--ignore-scripts']
  const { stdout } = await promisify(execFile)('npm', args)
  const [packed] = JSON.parse(stdout) as [{ filename: string; size: number; unpackedSize: number }]
  const kilobytes = [packed.size, packed.unpackedSize].map((bytes) => Math.round(bytes / 1_000))
  console.error(`${kilobytes[0]} kB packed, ${kilobytes[1]} kB unpacked`)
  console.log(path.join(out, packed.filename))
} finally {
  await rm(staging, { recursive: true })
}
