// The command line of the experiments: options, help, and the answers to mistakes.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { decimal, flag, integer, names, seed } from '../src/command-line/option.ts'
import { parseOptions } from '../src/command-line/parse-options.ts'
import { experiments } from '../src/experiments.ts'
import { slowTest } from '../../testkit/src/statistics/dose-of.ts'

const table = {
  races: integer('how many', { min: 1, default: 1_000 }),
  throttle: decimal('which share', { min: 0, max: 1, default: 0 }),
  only: names('some', ['values', 'files']),
  seed: seed(),
  json: flag('for programs'),
}
const parse = (...args: string[]) => parseOptions('races', table, args)

test('options that are absent have their defaults', () => {
  const { values } = parse() as Extract<ReturnType<typeof parse>, { values: unknown }>
  expect(values).toMatchObject({ races: 1_000, throttle: 0, only: ['values', 'files'], json: false })
  expect(values.seed).toBeGreaterThan(0)
})

test('options that are given are read, in both spellings', () => {
  const args = ['--races', '7', '--throttle=0.5', '--only', 'files', '--seed', '0', '--json']
  expect(parse(...args)).toEqual({
    values: { races: 7, throttle: 0.5, only: ['files'], seed: 0, json: true },
  })
  expect(parse('--races', '7', '--races', '8')).toMatchObject({ values: { races: 8 } })
})

test('--help answers the usage, which names every option', () => {
  for (const help of ['--help', '-h']) {
    const answer = parse('--races', '7', help)
    expect(answer).toMatchObject({
      exitCode: 0,
      text: expect.stringMatching(/^Usage: npm run lab races/) as unknown,
    })
    for (const name of [...Object.keys(table), 'help'])
      expect(answer).toHaveProperty('text', expect.stringContaining(`--${name}`))
  }
})

describe('a mistake is answered with one clear line and the usage:', () => {
  test.each([
    [['--race', '7'], "Unknown option '--race'"],
    [['seven'], "Unexpected argument 'seven'"],
    [['--json=yes'], "Option '--json' does not take an argument"],
    [['--races'], "Option '--races <value>' argument missing"],
    [['--races', '0'], '--races expects a whole number from 1'],
    [['--races', '1.5'], '--races expects a whole number from 1'],
    [['--races='], '--races expects a whole number from 1'],
    [['--throttle', '2'], '--throttle expects a number from 0 to 1'],
    [['--throttle', 'half'], '--throttle expects a number from 0 to 1'],
    [['--seed', '-1'], "Option '--seed' argument is ambiguous"],
    [['--seed=-1'], '--seed expects a whole number from 0 to 4294967295'],
    [['--only', 'nothing'], '--only expects one of values, files'],
  ])('%j', (args, line) => {
    const { text, exitCode } = parse(...args) as Extract<ReturnType<typeof parse>, { text: string }>
    expect(exitCode).toBe(2)
    expect(text.split('\n').slice(0, 3)).toEqual([line, '', 'Usage: npm run lab races -- [options]'])
  })
})

const main = path.join(import.meta.dirname, '../src/main.ts')

function run(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

test('the command lists the experiments, and refuses any other', async () => {
  const [help, unknown] = [await run('--help'), await run('rices')]
  expect(help).toMatchObject({ exitCode: 0, stderr: '' })
  for (const name of Object.keys(experiments)) expect(help.stdout).toContain(`  ${name} `)
  expect(unknown).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `there is no experiment rices\n\n${help.stdout}`,
  })
})

slowTest('every experiment shows its usage and starts nothing', async () => {
  const names = Object.keys(experiments)
  const answers = await Promise.all(names.map((name) => run(name, '--help')))
  for (const [index, { exitCode, stdout, stderr }] of answers.entries()) {
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout.split('\n')[0]).toBe(`Usage: npm run lab ${names[index]} -- [options]`)
  }
})

test('an experiment refuses an unknown option before it starts anything', async () => {
  const { exitCode, stdout, stderr } = await run('fuzz-tokens', '--cuont', '7')
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toMatch(/^Unknown option '--cuont'\n\nUsage: npm run lab fuzz-tokens /)
})
