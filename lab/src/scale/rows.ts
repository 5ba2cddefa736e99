// The rows of the table, and the judgement of each: it must not grow faster than its work.

/** The work of a row. It may take longer in that proportion. Nothing: it must not take longer at all. */
export type WorksOn = 'tenants' | 'cipherkeys of the big tenant' | 'nothing'

export interface MeasuredRow {
  name: string
  worksOn: WorksOn
  unit: 'ms' | 'MiB'
  value: number
}

export interface JudgedRow extends Omit<MeasuredRow, 'value'> {
  small: number
  large: number
  /** How many times as much. */
  growth: number
  /** How many times as much would be in proportion. */
  proportion: number
  isGood: boolean
}

// Below these the noise of a machine says more than the row.
const floors = { ms: 30, MiB: 32 }
// A busy machine, and one more level of an index.
const tolerance = 3

export function judge(
  small: readonly MeasuredRow[],
  large: readonly MeasuredRow[],
  proportions: Readonly<Record<WorksOn, number>>,
): JudgedRow[] {
  return small.map(({ value, ...row }) => {
    const at = large.find(({ name }) => name === row.name)?.value ?? Number.NaN
    const proportion = proportions[row.worksOn]
    return {
      ...row,
      ...{ small: rounded(value), large: rounded(at), proportion },
      growth: rounded(at / value),
      // A row without a figure is not good.
      isGood: at <= Math.max(value, floors[row.unit]) * proportion * tolerance,
    }
  })
}

export function rounded(value: number): number {
  return value < 10 ? Math.round(value * 100) / 100 : Math.round(value)
}
