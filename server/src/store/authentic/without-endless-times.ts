// A row for a list, which shows what somebody has tampered with as well. A time that is infinite comes from the driver as a
// number, which would keep the whole list from being shown. Never for a row that decides: its MAC is not over these values.

/** The row with the beginning of 1970 in place of each time that Keyhold never writes. */
export function withoutEndlessTimes<Row extends object>(row: Row): Row {
  const values = Object.entries(row).map(([column, value]: [string, unknown]) => [
    column,
    isEndless(value) ? new Date(0) : value,
  ])
  return Object.fromEntries(values) as Row
}

function isEndless(value: unknown): boolean {
  if (value instanceof Date) return Number.isNaN(value.getTime())
  return value === Infinity || value === -Infinity
}
