// Commands of operators that go through everything.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { keyholdSettings } from '../../../testkit/src/process/keyhold-settings.ts'
import { serverCommand } from '../../../testkit/src/process/serve-in-process.ts'
import { tookMs, type MeasureParts } from './measure-parts.ts'
import type { MeasuredRow } from './rows.ts'

const cli = path.join(import.meta.dirname, '../../../cli/src/main.ts')
const maxOutputBytes = 64 * 1_024 * 1_024

export async function measureCommands({
  scene: { keyhold },
  problems,
}: MeasureParts): Promise<MeasuredRow[]> {
  const run = async (program: string, args: string[], env: Record<string, string>) => {
    const options = {
      env: { PATH: process.env.PATH, ...env },
      cwd: keyhold.dataDir,
      maxBuffer: maxOutputBytes,
    }
    await promisify(execFile)(process.execPath, [program, ...args], options).catch((error: unknown) => {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      problems.push(`${args.join(' ')} failed: ${`${stdout}\n${stderr}`.trim().slice(0, 1_000)}`)
    })
  }
  const doctor = () =>
    run(
      serverCommand,
      ['doctor', '--integrity'],
      keyholdSettings({ dataDir: keyhold.dataDir, kmsUrl: keyhold.kms.url }),
    )
  const verify = () =>
    run(cli, ['audit', 'verify', '--operator'], {
      KEYHOLD_URL: keyhold.url,
      KEYHOLD_TOKEN: keyhold.operatorToken,
      HOME: keyhold.dataDir,
    })
  return [
    { name: 'doctor --integrity', worksOn: 'tenants', unit: 'ms', value: await tookMs(doctor) },
    {
      name: "audit verify, the installation's chain",
      worksOn: 'tenants',
      unit: 'ms',
      value: await tookMs(verify),
    },
  ]
}
