// The README's examples run as they stand, and compile.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, onTestFinished, test } from 'vitest'
import { startFakeKeyhold } from './fake-keyhold.ts'
import { slowTest } from '../../testkit/src/statistics/dose-of.ts'

const readme = await readFile(join(import.meta.dirname, '..', 'README.md'), 'utf8')
const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)

const outputs = [
  'kh1. 078-05-1120\n',
  '',
  '078-05-1120 078-05-1120\n11 ERR_DECRYPTION_FAILED\n',
  /^1234567\n<Buffer( [0-9a-f]{2}){10}> <Buffer( [0-9a-f]{2}){5}> 1234567\n(\d+\n)+$/,
  'likes tea\n22\n',
]

test('the README is short, and has an example for each output here', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(165)
  expect(examples).toHaveLength(outputs.length)
})

test.each(examples.map((code, index) => ({ code, output: outputs[index] ?? '' })))(
  'example runs: $code',
  async ({ code, output }) => {
    const { url } = await startFakeKeyhold()
    const folder = await mkdtemp(join(tmpdir(), 'keyhold-readme-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'report.pdf'), Buffer.alloc(1_234_567, 'x'))
    // Node looks packages up from where the process starts.
    const program = `const url = '${url}', token = 'kh_t'\nprocess.chdir('${folder}')\n${code}`
    const args = ['--input-type=module-typescript', '-e', program]
    const result = await new Promise<string>((resolve) => {
      const env = { ...process.env, KEYHOLD_URL: url, KEYHOLD_SERVICE_TOKEN: 'kh_t' }
      execFile(process.execPath, args, { cwd: import.meta.dirname, env }, (_error, stdout, stderr) => {
        resolve(stdout + stderr)
      })
    })
    if (typeof output === 'string') expect(result).toBe(output)
    else expect(result).toMatch(output)
  },
)

slowTest('the examples compile', () => {
  const files = new Map(
    examples.map((code, index) => [
      join(import.meta.dirname, `readme-example-${index}.ts`),
      `declare const url: string, token: string\n${code}`,
    ]),
  )
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    types: ['node'],
  }
  const disk = ts.createCompilerHost(options)
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => files.has(name) || disk.fileExists(name),
    readFile: (name) => files.get(name) ?? disk.readFile(name),
    getSourceFile: (name, ...rest) => {
      const text = files.get(name)
      return text === undefined
        ? disk.getSourceFile(name, ...rest)
        : ts.createSourceFile(name, text, ts.ScriptTarget.ES2024)
    },
  }
  const program = ts.createProgram([...files.keys()], options, host)
  const problems = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ messageText, file }) =>
        `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    )
  expect(problems).toEqual([])
})
