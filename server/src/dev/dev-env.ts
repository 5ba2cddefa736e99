// The file dev.env: what somebody who tries Keyhold needs in the shell, as plain NAME=value lines.
import { readFile, rename, writeFile } from 'node:fs/promises'

const names = [
  'KEYHOLD_URL',
  'KEYHOLD_TOKEN',
  'KEYHOLD_SERVICE_TOKEN',
  'KEYHOLD_OPERATOR_TOKEN',
  'KEYHOLD_TENANT_ID',
  'KMS_KEY_ARN',
  'KMS_KEY_ARN_2',
  'AWS_ENDPOINT_URL_KMS',
  'AWS_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
] as const

export type DevEnv = Partial<Record<(typeof names)[number], string>>

// No value needs quoting: a shell takes each line as it is.
const lineForm = /^([A-Z0-9_]+)=([A-Za-z0-9_:/.#[\]-]*)$/

/** The variables that an earlier start wrote; empty when there is nothing. */
export async function readDevEnv(file: string): Promise<DevEnv> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch {
    return {}
  }
  const values: DevEnv = {}
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const [, name, value] = lineForm.exec(line) ?? []
    const known = names.find((each) => each === name)
    if (known !== undefined && value !== undefined) values[known] = value
  }
  return values
}

/** Writes the file, readable by its owner alone, in one step. */
export async function writeDevEnv(file: string, values: DevEnv): Promise<void> {
  const lines = names.flatMap((name) => {
    const value = values[name]
    if (value === undefined) return []
    const line = `${name}=${value}`
    if (!lineForm.test(line)) throw new RangeError(`"${name}" expected a value that needs no quoting`)
    return [line]
  })
  const temporary = `${file}.tmp`
  await writeFile(temporary, `${lines.join('\n')}\n`, { mode: 0o600 })
  await rename(temporary, file)
}
