// The licences of everything that npm installs, read from package-lock.json. What is shipped must not oblige whoever runs
// Keyhold to publish anything; what only builds or tests it may be under the Mozilla Public License, or in the public domain, too.

const shipped = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  '(MIT OR CC0-1.0)',
])
const development = new Set([...shipped, 'CC0-1.0', 'MPL-2.0', 'Unlicense'])

interface LockedPackage {
  license?: string
  dev?: boolean
  /** A workspace. */
  link?: boolean
}

/** One line for each package whose licence is not allowed, or not named. */
export function refusedLicences(packageLock: string): string[] {
  const { packages } = JSON.parse(packageLock) as { packages: Record<string, LockedPackage> }
  return Object.entries(packages)
    .filter(([place, { link }]) => place.includes('node_modules/') && link !== true)
    .filter(([, { license = '', dev }]) => !(dev === true ? development : shipped).has(license))
    .map(([place, { license = 'none', dev }]) => `${place}: ${license}${dev === true ? ', development' : ''}`)
}
