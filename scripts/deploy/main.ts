// `npm run deploy:write`: makes the files of `deploy/` that follow from the code.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { generatedFiles } from './generated-files.ts'

const root = path.join(import.meta.dirname, '../..')
for (const { file, text } of await generatedFiles(root)) writeFileSync(path.join(root, file), text)
