// The files from which the AWS SDK reads credentials, as the environment names them.
import { homedir } from 'node:os'
import path from 'node:path'
import type { Environment } from './setting.ts'

/** Present or not. Files that a profile names, and the cache of SSO, are not among them. */
export function awsCredentialFiles(environment: Environment): string[] {
  const home = environment.HOME ?? homedir()
  const files = [
    environment.AWS_SHARED_CREDENTIALS_FILE ?? path.join(home, '.aws', 'credentials'),
    environment.AWS_CONFIG_FILE ?? path.join(home, '.aws', 'config'),
    environment.AWS_WEB_IDENTITY_TOKEN_FILE,
    environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
  ]
  return files.filter((file): file is string => file !== undefined && file !== '')
}
