// The log says once that the database is lost, and once that it is back.
import { afterEach, expect, test, vi } from 'vitest'
import { createDatabaseWatch, type DatabaseWatch } from '../../src/store/connections/database-watch.ts'

let watch: DatabaseWatch | undefined
afterEach(() => {
  watch?.close()
})

function start(answers: { isUp: boolean }) {
  const said: string[] = []
  watch = createDatabaseWatch({
    ask: () => (answers.isUp ? Promise.resolve() : Promise.reject(new Error('away'))),
    onLost: (error) => said.push(`lost: ${String(error)}`),
    onBack: (seconds) => said.push(`back after ${seconds}`),
    pauseMs: 1,
  })
  return { said, suspect: watch.suspect }
}

test('a connection that fails while the database answers says nothing', async () => {
  const { said, suspect } = start({ isUp: true })
  suspect(new Error('one'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(said).toEqual([])
})

test('however much fails, one line says it is lost, and one that it is back', async () => {
  const answers = { isUp: false }
  const { said, suspect } = start(answers)
  for (let each = 0; each < 10; each++) suspect(new Error('one'))
  await vi.waitFor(() => {
    expect(said).toEqual(['lost: Error: one'])
  })
  suspect(new Error('two'))
  answers.isUp = true
  await vi.waitFor(() => {
    expect(said).toEqual(['lost: Error: one', 'back after 0'])
  })
  answers.isUp = false
  suspect(new Error('three'))
  await vi.waitFor(() => {
    expect(said.at(-1)).toBe('lost: Error: three')
  })
})
