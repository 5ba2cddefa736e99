// The settings that every Keyhold beside a local KMS has, whether it runs in this process or in one of its own.
import { keyholdAccount } from '../customer/key-policy.ts'

export interface KeyholdPlace {
  dataDir: string
  kmsUrl: string
}

/** Settings as the environment gives them, with a free port. */
export function keyholdSettings({ dataDir, kmsUrl }: KeyholdPlace): Record<string, string> {
  return {
    KEYHOLD_PORT: '0',
    KEYHOLD_DATA_DIR: dataDir,
    KEYHOLD_KMS_ENDPOINT: kmsUrl,
    KEYHOLD_KMS_ACCESS_KEY_ID: keyholdAccount,
    KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
  }
}
