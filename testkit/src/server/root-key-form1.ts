// A root key file as versions before MACs wrote it. Keyhold itself writes none any more.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** The same root key in form 1. */
export function rootKeyForm1(form2: string): string {
  const [, id, key] = /^current (\w+) (\w+)$/m.exec(form2) ?? []
  if (id === undefined || key === undefined) throw new Error('this is no root key file of form 2')
  return `khroot1:${id}:${key}\n`
}

/** Puts a file of form 1 in the place of the file of form 2. Answers both texts. */
export async function putForm1(dataDir: string): Promise<{ form1: string; form2: string }> {
  const file = path.join(dataDir, 'root-key')
  const form2 = await readFile(file, 'utf8')
  const form1 = rootKeyForm1(form2)
  await writeFile(file, form1)
  return { form1, form2 }
}
