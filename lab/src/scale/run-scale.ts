// Measures an installation of a tenth of the size, and then one of the whole size: what grows faster than what it works on is
// wrong.
import { freePort } from '../../../testkit/src/network/free-port.ts'
import { loadAverage } from '../load-average.ts'
import { measureSize, type MeasuredSize } from './measure-size.ts'
import type { ScaleSize } from './open-scene.ts'
import { judge, type JudgedRow } from './rows.ts'

export interface ScaleOptions extends ScaleSize {
  say: (line: string) => void
}

export interface ScaleResult {
  rows: JudgedRow[]
  /** The smaller one first. */
  sizes: Omit<MeasuredSize, 'rows' | 'problems'>[]
  loadAverage: number
  problems: string[]
}

const share = 10
const mostColdTenants = 10_000

export async function runScale({ say, ...size }: ScaleOptions): Promise<ScaleResult> {
  const tenth: ScaleSize = {
    tenants: Math.ceil(size.tenants / share),
    cipherkeys: Math.ceil(size.cipherkeys / share),
    ofBigTenant: Math.ceil(size.ofBigTenant / share),
  }
  // As many of both sizes, so that their means compare.
  const coldTenants = Math.min(mostColdTenants, tenth.tenants - 1)
  const measured: MeasuredSize[] = []
  for (const each of [tenth, size]) {
    const metricsPort = await freePort()
    say(`${each.tenants.toLocaleString('en')} tenants, ${each.cipherkeys.toLocaleString('en')} cipherkeys`)
    measured.push(await measureSize({ ...{ size: each, coldTenants, metricsPort, say } }))
  }
  const [small, large] = measured
  if (small === undefined || large === undefined) throw new TypeError('a size was not measured')
  const rows = judge(small.rows, large.rows, {
    tenants: large.size.tenants / small.size.tenants,
    'cipherkeys of the big tenant': large.size.ofBigTenant / small.size.ofBigTenant,
    nothing: 1,
  })
  return {
    rows,
    sizes: measured.map(({ size: of, tables, seedSeconds }) => ({ size: of, tables, seedSeconds })),
    loadAverage: loadAverage(),
    problems: [
      ...measured.flatMap(({ problems }) => problems),
      ...rows
        .filter(({ isGood }) => !isGood)
        .map(
          ({ name, unit, small: before, large: after, growth, proportion }) =>
            `${name} grows: ${before} to ${after} ${unit}, ${growth} times, where ${proportion} times is in proportion`,
        ),
    ],
  }
}
