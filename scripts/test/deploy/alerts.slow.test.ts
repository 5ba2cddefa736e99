// The alert rules, by Prometheus's own tool: each is tested by the file of unit tests beside them.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findProgram, root, tryRun } from './tools.ts'

const promtool = findProgram('promtool', "Debian's package prometheus")
const folder = path.join(root, 'deploy/monitoring')

test.skipIf(promtool === undefined)('promtool reads the rules', async () => {
  const { code, stdout, stderr } = await tryRun(promtool ?? '', ['check', 'rules', 'alerts.yaml'], {
    cwd: folder,
  })
  const rules = (await readFile(path.join(folder, 'alerts.yaml'), 'utf8')).match(/^ +- alert:/gm)
  expect(`${stdout}${stderr}`).toContain(`SUCCESS: ${rules?.length} rules found`)
  expect(code).toBe(0)
})

test.skipIf(promtool === undefined)('each alert fires when it must, and not before', async () => {
  const { code, stdout, stderr } = await tryRun(promtool ?? '', ['test', 'rules', 'alerts.test.yaml'], {
    cwd: folder,
  })
  expect(`${stdout}${stderr}`).toContain('SUCCESS')
  expect(code).toBe(0)
})
