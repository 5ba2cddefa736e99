// Every benchmark runs on tiny sizes. No test depends on how fast anything is.
import { expect, test } from 'vitest'
import { printJson } from '../src/bench/print-measurements.ts'
import { benchmarkNames, runBenchmarks } from '../src/bench/run-benchmarks.ts'
import type { Sizes } from '../src/bench/sizes.ts'

const tiny: Sizes = {
  sliceMs: 1,
  rounds: 1,
  valueBytes: [1_024],
  loadSliceMs: 50,
  loadRounds: 1,
  warmUpMs: 10,
  migrations: [{ cipherkeys: 20, rounds: 1 }],
  kmsPairs: 4,
  growthCipherkeys: [20, 40],
  besideTraffic: 20,
  fileMebibytes: 1,
  fileRounds: 1,
  dataOperations: 2_000,
  envelopes: 1,
}

const members = ['name', 'ours', 'theirs', 'unit', 'ratio']
const texts = new Set(['name', 'unit'])

test('every benchmark runs, and prints a JSON object a line', async () => {
  const lines: string[] = []
  const report = printJson((line) => lines.push(line))
  // All at once, as they mostly wait for processes to start; the figures would be of no use.
  await Promise.all(benchmarkNames.map((name) => runBenchmarks(tiny, report, [name])))
  const measurements = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const measurement of measurements) {
    // A command of the system may be missing. All other peers are installed, so none of them may be skipped.
    if (String(measurement.name).endsWith('| age command') && 'skipped' in measurement) continue
    expect(Object.keys(measurement).filter((key) => key !== 'goal')).toEqual(members)
    for (const [key, value] of Object.entries(measurement))
      expect([key, typeof value]).toEqual([key, texts.has(key) ? 'string' : 'number'])
  }
  const names = measurements.map(({ name }) => String(name))
  expect(new Set(names).size).toBe(names.length)
  for (const part of [
    'encrypt a value',
    'POST encrypt',
    'POST decrypt',
    'copying 20 cipherkeys',
    'migrating 40 cipherkeys',
    'beside a migration',
    'encrypt a file of 1 MiB',
    'decrypt a file of 1 MiB',
    'KMS calls',
  ])
    expect(names.some((name) => name.includes(part))).toBe(true)
}, 180_000)
