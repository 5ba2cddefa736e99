// The environment variables of the command line. No other file reads them.
import { proxyRulesIn, type ProxyRules } from '@keyhold/core/proxy-for'
import { isAbsolute, join } from 'node:path'
import type { Shell } from './shell.ts'

export interface Environment {
  url: string | undefined
  /** The name of a context. */
  context: string | undefined
  token: string | undefined
  operatorToken: string | undefined
  serviceToken: string | undefined
}

export function processEnvironment(): Shell['env'] {
  return process.env
}

export function readEnvironment({ env }: Pick<Shell, 'env'>): Environment {
  // An empty variable is how shells unset one for a single command. A file with Windows' line ends leaves a CR behind each
  // value, and a byte order mark before a first one; trim() takes both.
  const read = (name: string): string | undefined => readVariable({ env }, name)
  return {
    url: read('KEYHOLD_URL'),
    context: read('KEYHOLD_CONTEXT'),
    token: read('KEYHOLD_TOKEN'),
    operatorToken: read('KEYHOLD_OPERATOR_TOKEN'),
    serviceToken: read('KEYHOLD_SERVICE_TOKEN'),
  }
}

/** The value of a variable that the command line names. */
export function readVariable({ env }: Pick<Shell, 'env'>, name: string): string | undefined {
  return env[name]?.trim() || undefined
}

/** The folder of programs' settings: that of the XDG Base Directory Specification, and that of Windows there. */
export function configFolder({ env }: Pick<Shell, 'env'>): string | undefined {
  const { XDG_CONFIG_HOME: named = '', HOME: home = '', APPDATA: ofWindows = '' } = env
  // The specification ignores a folder that depends on where a command runs.
  if (isAbsolute(named)) return named
  if (process.platform === 'win32' && isAbsolute(ofWindows)) return ofWindows
  return isAbsolute(home) ? join(home, '.config') : undefined
}

/** HTTPS_PROXY and NO_PROXY. */
export function readProxyRules({ env }: Pick<Shell, 'env'>): ProxyRules {
  return proxyRulesIn(env)
}

/** Makes this process accept certificates that cannot be verified; Node warns about it on standard error. */
export function trustAnyCertificate({ env }: Pick<Shell, 'env'>): void {
  // No other switch reaches Node's own fetch.
  env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
}
