// Completions in real shells. Those that are not installed are skipped by name.
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import type { CompletedShell } from '../../src/completion/shell-scripts.ts'
import { keyhold, main } from '../run-keyhold.ts'
import { temporaryFolder } from '../temporary-folder.ts'

function has(shell: string): boolean {
  try {
    execFileSync(shell, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** A folder with the command in its PATH, and two contexts. */
async function scene(shell: CompletedShell) {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'keyhold'), { mode: 0o700 })
  await mkdir(join(folder, 'bin'))
  const command = join(folder, 'bin', 'keyhold')
  await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`)
  await chmod(command, 0o755)
  const contexts = {
    prod: { server: 'https://a.example', token: 't' },
    proxy: { server: 'https://b.example', token: 't' },
  }
  await writeFile(join(folder, 'keyhold/contexts.json'), JSON.stringify({ format: 1, contexts }), {
    mode: 0o600,
  })
  await writeFile(join(folder, 'letter.txt'), '')
  await writeFile(join(folder, 'completion'), (await keyhold(['completion', shell])).stdout)
  const env = {
    NODE_COMPILE_CACHE: join(tmpdir(), 'keyhold-cli-test-compile-cache'),
    PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH ?? ''}`,
    ...{ HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  }
  const run = (name: string, args: string[]) =>
    execFileSync(name, args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
      .trim()
      .split('\n')
  return { folder, run }
}

const hostile = 'keyhold keyprovider get $(touch pwned) `touch pwned` --context $(touch pwned'

test.skipIf(!has('bash'))('bash (needs bash)', async () => {
  const { folder, run } = await scene('bash')
  const complete = (line: string) =>
    run('bash', [
      '--norc',
      '-c',
      `source ./completion; source ./completion
       COMP_LINE=$1; COMP_POINT=\${#1}; COMP_WORDS=(keyhold); COMP_CWORD=1
       _keyhold 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      line,
    ])
  expect(complete('keyhold keyp')).toEqual(['keyprovider'])
  expect(complete('keyhold context use pro')).toEqual(['prod', 'proxy'])
  expect(complete('keyhold tenant ls --context=prod')).toEqual(['prod'])
  expect(complete(hostile)).toEqual([''])
  expect(await readdir(folder)).not.toContain('pwned')
})

test.skipIf(!has('zsh'))('zsh (needs zsh)', async () => {
  const { folder, run } = await scene('zsh')
  // Outside of an editor, what zsh would offer is printed.
  const complete = (words: string[]) =>
    run('zsh', [
      '-f',
      '-c',
      `compdef() { : }; compadd() { print -l -- "\${values[@]}" }; _files() { print -- :files }
       source ./completion
       words=(keyhold "$@"); CURRENT=$#words; _keyhold || :`,
      'zsh',
      ...words,
    ])
  expect(complete(['keyp'])).toEqual(['keyprovider'])
  expect(complete(['context', 'use', ''])).toEqual(['prod', 'proxy'])
  expect(complete(['tenant', 'ls', '--context=prod'])).toEqual(['--context=prod'])
  expect(complete(['encrypt', ''])).toEqual([':files'])
  expect(complete(hostile.split(' ').slice(1))).toEqual([''])
  expect(await readdir(folder)).not.toContain('pwned')
})

test.skipIf(!has('fish'))('fish (needs fish)', async () => {
  const { folder, run } = await scene('fish')
  const complete = (line: string) =>
    run('fish', ['-N', '-c', 'source ./completion; complete -C $argv[1]', line]).map(
      (each) => each.split('\t')[0],
    )
  expect(complete('keyhold keyp')).toEqual(['keyprovider'])
  expect(complete('keyhold context use pro')).toEqual(['prod', 'proxy'])
  expect(complete('keyhold tenant ls --context=prod')).toEqual(['--context=prod'])
  expect(complete('keyhold encrypt let')).toEqual(['letter.txt'])
  complete('keyhold keyprovider get $(touch pwned) --context (touch pwned) ')
  expect(await readdir(folder)).not.toContain('pwned')
})
