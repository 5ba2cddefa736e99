// Measures every row on one installation. What changes the installation comes last.
import type { ScaleSize } from './open-scene.ts'
import { openScene } from './open-scene.ts'
import { measureBigTenant } from './measure-big-tenant.ts'
import { measureCommands } from './measure-commands.ts'
import { measureColdDecrypts } from './measure-cold-decrypts.ts'
import { measureRequests } from './measure-requests.ts'
import { measureStart } from './measure-start.ts'
import { measureStore } from './measure-store.ts'
import { readTableSizes, type TableSize } from './read-table-sizes.ts'
import { fenceReporter, type FenceReport } from './fence-reports.ts'
import { rounded, type MeasuredRow } from './rows.ts'

export interface MeasuredSize {
  size: ScaleSize
  rows: MeasuredRow[]
  tables: TableSize[]
  seedSeconds: number
  problems: string[]
}

export interface MeasureOptions {
  size: ScaleSize
  /** How many tenants decrypt for the first time. */
  coldTenants: number
  metricsPort: number
  say: (line: string) => void
}

export async function measureSize({
  size,
  coldTenants,
  metricsPort,
  say,
}: MeasureOptions): Promise<MeasuredSize> {
  const startMs = performance.now()
  const reports: FenceReport[] = []
  const scene = await openScene({
    ...{ size, metricsPort, say, samples: coldTenants },
    nodeArguments: ['--import', fenceReporter],
    onMessage: (message) => reports.push(message as FenceReport),
  })
  const seedSeconds = Math.round((performance.now() - startMs) / 1_000)
  const rows: MeasuredRow[] = []
  const problems: string[] = []
  const parts = { scene, reports, metricsPort, problems, say }
  try {
    const tables = await readTableSizes(scene)
    for (const { table, rows: count, bytes, indexBytes } of tables)
      say(
        `  ${table}: ${count} rows, ${Math.round(bytes / count)} bytes each, ${Math.round(indexBytes / count)} in indexes`,
      )
    for (const [name, measure] of Object.entries({
      start: measureStart,
      'cold first decrypts': measureColdDecrypts,
      requests: measureRequests,
      'looks at the database': measureStore,
      commands: measureCommands,
      'the big tenant': measureBigTenant,
    })) {
      say(name)
      const found = await measure(parts)
      // A run takes long: what it has found is not lost where it is cut off.
      for (const row of found) say(`  ${row.name}: ${rounded(row.value)} ${row.unit}`)
      rows.push(...found)
    }
    return { size, rows, tables, seedSeconds, problems }
  } finally {
    await scene.keyhold.stop()
  }
}
