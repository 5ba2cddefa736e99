// An application that uses the SDK, as a process of its own. Its arguments: encrypt SOURCE TARGET, decrypt SOURCE TARGET,
// or range SOURCE TARGET START END, which writes that part alone to TARGET.
import { createKeyholdClient } from '@keyhold/client/node'
import { writeFile } from 'node:fs/promises'

const { KEYHOLD_URL: url = '', KEYHOLD_SERVICE_TOKEN: token = '' } = process.env
const { local } = createKeyholdClient({ url, token }).tenant()
const [action, source = '', target = '', start, end] = process.argv.slice(2)
switch (action) {
  case 'encrypt':
    await local.encryptFile(source, target)
    break
  case 'decrypt':
    await local.decryptFile(source, target)
    break
  case 'range':
    await writeFile(target, await local.readRange(source, Number(start), Number(end)))
    break
  default:
    throw new RangeError(`no such action: ${String(action)}`)
}
