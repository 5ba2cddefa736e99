// Prints a lock file for the image: the versions and hashes of all packages in the repository's own lock file, without its
// workspaces. `npm install` of a tarball then takes these versions, and leaves out what the tarball does not need.
import { readFileSync } from 'node:fs'

const lock = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const installed = Object.entries(lock.packages).filter(
  ([place, { link }]) => place.startsWith('node_modules/') && link !== true,
)
const packages = Object.fromEntries([['', {}], ...installed])
console.log(JSON.stringify({ ...lock, name: 'image', packages }))
