// `npm run lab scale`: see docs/scale.md.
import { createOutput } from '../command-line/create-output.ts'
import { flag, integer } from '../command-line/option.ts'
import { readOptions } from '../command-line/read-options.ts'

const options = readOptions('scale', {
  tenants: integer('how many there are', { min: 100, default: 100_000 }),
  cipherkeys: integer('how many they have together', { min: 1_000, default: 10_000_000 }),
  big: integer('how many of them one tenant has', { min: 100, default: 5_000_000 }),
  quick: flag('a hundredth of all that'),
  json: flag('prints the last line alone, a JSON object'),
})
const { runScale } = await import('./run-scale.ts')
const { say, print, finish } = createOutput(options.json)
const scaled = (count: number) => (options.quick ? Math.ceil(count / 100) : count)
const { problems, ...result } = await runScale({
  tenants: scaled(options.tenants),
  cipherkeys: scaled(options.cipherkeys),
  ofBigTenant: scaled(options.big),
  say,
})
const [small, large] = result.sizes
print(
  `| What | works on | ${small?.size.tenants} tenants | ${large?.size.tenants} tenants | times | in proportion | |`,
)
print('| --- | --- | ---: | ---: | ---: | ---: | --- |')
for (const row of result.rows)
  print(
    `| ${[`${row.name}, ${row.unit}`, row.worksOn, row.small, row.large, row.growth, row.proportion, row.isGood ? 'good' : 'GROWS'].join(' | ')} |`,
  )
print('')
print('| Table | rows | bytes for each row | of these in indexes |')
print('| --- | ---: | ---: | ---: |')
for (const { table, rows, bytes, indexBytes } of large?.tables ?? [])
  print(`| ${[table, rows, Math.round(bytes / rows), Math.round(indexBytes / rows)].join(' | ')} |`)
finish(result, problems)
