// Plays test/scripts/*.txt: command lines against a scripted server.
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseScript, type Case } from './parse-script.ts'
import { keyhold } from './run-keyhold.ts'
import { startScriptedServer } from './scripted-server.ts'

const folder = join(import.meta.dirname, 'scripts')
const defaults = { KEYHOLD_TOKEN: 'token-of-the-admin', KEYHOLD_OPERATOR_TOKEN: 'token-of-the-operator' }

for (const name of await readdir(folder)) {
  const cases = parseScript(await readFile(join(folder, name), 'utf8'))
  describe.concurrent(name.replace('.txt', ''), () => {
    test.each(cases)('$title', async (script) => {
      const played = await play(script)
      expect(played).toEqual({
        complaints: [],
        files: script.filesAfter,
        exit: script.exit,
        stderr: script.stderr,
        stdout: script.stdout,
      })
    })
  })
}

async function play(script: Case) {
  const server = await startScriptedServer(script.exchanges)
  const cwd = await mkdtemp(join(tmpdir(), 'keyhold-cli-'))
  try {
    for (const [name, content] of script.files) await writeFile(join(cwd, name), content, { mode: 0o600 })
    const env: Record<string, string> = { ...defaults, KEYHOLD_URL: server.url, ...script.env }
    const args = script.args.map((arg) => arg.replace('$URL', server.url))
    const { stdout, stderr, exit } = await keyhold(args, { env, stdin: script.stdin, cwd })
    for (const token of Object.values(defaults)) expect(stdout + stderr).not.toContain(token)
    const files = await Promise.all(
      script.filesAfter.map(async ([name]) => [
        name,
        await readFile(join(cwd, name), 'utf8').then((t) => t.trim()),
      ]),
    )
    const steady = (text: string) => text.replaceAll(server.url, '$URL').replace(/in \d+ ms/g, 'in N ms')
    return { complaints: server.complaints(), files, exit, stderr: steady(stderr), stdout: steady(stdout) }
  } finally {
    server.stop()
    await rm(cwd, { recursive: true })
  }
}
