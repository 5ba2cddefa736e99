// A file that is larger than the memory of any process should be, encrypted and decrypted with the SDK and with the CLI.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startKeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { digestOf, writeContent } from './content.ts'
import { runMeasured, type MeasuredProcess, type ProcessOrder } from './measured-process.ts'

export interface BigFileStep extends MeasuredProcess {
  name: string
  mebibytesPerSecond: number
  /** Whether the result is what it should be. */
  isRight: boolean
}

export interface BigFileOptions {
  bytes: number
  seed: number
  report: (step: BigFileStep) => void
}

const cli = path.join(import.meta.dirname, '../../../cli/src/main.ts')
const sdk = path.join(import.meta.dirname, 'sdk-program.ts')
const mebibyte = 1_048_576

export async function runBigFile({ bytes, seed, report }: BigFileOptions): Promise<void> {
  const keyhold = await startKeyholdProcess()
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-big-file-'))
  const at = (name: string) => path.join(folder, name)
  try {
    const { serviceToken } = await createTenant(keyhold.url, keyhold.operatorToken)
    const environment = { KEYHOLD_URL: keyhold.url, KEYHOLD_SERVICE_TOKEN: serviceToken }
    const expected = await writeContent(at('plain'), bytes, seed)

    const step = async (
      name: string,
      order: Omit<ProcessOrder, 'environment'>,
      size: number,
      isRight: () => Promise<boolean>,
    ) => {
      const measured = await runMeasured({ ...order, environment })
      const mebibytesPerSecond = size / mebibyte / measured.seconds
      report({ name, ...measured, mebibytesPerSecond, isRight: await isRight() })
    }
    // Whether the encrypted file is right shows when it is decrypted.
    const later = () => Promise.resolve(true)
    const isBack = async (name: string) => {
      const isRight = (await digestOf(at(name))) === expected
      await rm(at(name))
      return isRight
    }

    await step('SDK encryptFile', { command: [sdk, 'encrypt', at('plain'), at('sealed')] }, bytes, later)
    const decrypt = [sdk, 'decrypt', at('sealed'), at('back')]
    await step('SDK decryptFile', { command: decrypt }, bytes, () => isBack('back'))
    for (const [start, end] of ranges(bytes)) {
      const isRight = async () => {
        const same = (await digestOf(at('part'))) === (await digestOf(at('plain'), [start, end]))
        await rm(at('part'))
        return same
      }
      const command = [sdk, 'range', at('sealed'), at('part'), String(start), String(end)]
      await step(`SDK readRange ${start} to ${end}`, { command }, end - start, isRight)
      const options = ['--range', `${start}-${end - 1}`, '-o', at('part')]
      await step(
        `CLI decrypt --range ${start}-${end - 1}`,
        { command: [cli, 'decrypt', at('sealed'), ...options] },
        end - start,
        isRight,
      )
    }
    await rm(at('sealed'))

    await step('CLI encrypt', { command: [cli, 'encrypt', at('plain'), '-o', at('sealed')] }, bytes, later)
    await step('CLI decrypt', { command: [cli, 'decrypt', at('sealed'), '-o', at('back')] }, bytes, () =>
      isBack('back'),
    )
    await rm(at('sealed'))
    const piped = { stdin: at('plain'), stdout: at('sealed') }
    await step('CLI encrypt, standard input to output', { command: [cli, 'encrypt'], ...piped }, bytes, later)
    const back = { stdin: at('sealed'), stdout: at('back') }
    await step('CLI decrypt, standard input to output', { command: [cli, 'decrypt'], ...back }, bytes, () =>
      isBack('back'),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
    await keyhold.stop()
  }
}

/** Ranges at the start, across 4 GiB or the middle, and at the end. */
function ranges(bytes: number): [start: number, end: number][] {
  const middle = bytes > 2 ** 32 + mebibyte ? 2 ** 32 : Math.floor(bytes / 2)
  const length = Math.min(8 * mebibyte, Math.floor(bytes / 4))
  return [
    [0, length],
    [middle - 5, middle - 5 + length],
    [bytes - length, bytes],
  ]
}
