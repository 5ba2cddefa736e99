// The greeting of `npm start` once everything runs: where things are, and the tutorial, ready to paste.

export interface GreetingFacts {
  url: string
  /** It signs in once. */
  signInLink: string
  devEnvFile: string
  logFile: string
  /** Undefined when a real AWS KMS is used, with keys of the user's own. */
  localKmsUrl: string | undefined
}

export function greeting({ url, signInLink, devEnvFile, logFile, localKmsUrl }: GreetingFacts): string {
  const kms =
    localKmsUrl === undefined
      ? 'your own AWS KMS; set KMS_KEY_ARN to a key of yours'
      : `${localKmsUrl}  (local-kms: for development and tests only)`
  return `
Keyhold is ready.

  API       ${url}
  sign in   ${signInLink}  (once, within ten minutes)
  KMS       ${kms}
  log       ${logFile}
  settings  ${devEnvFile}

In another shell, the tutorial:

  set -a; . ${devEnvFile}; set +a

  # Create a key provider, and keep its fingerprint
  curl -L "$KEYHOLD_URL/api/v1/encryption/keyproviders" \\
    -H "Authorization: Bearer $KEYHOLD_TOKEN" \\
    -H "Content-Type: application/json" \\
    -d "{\\"name\\": \\"my first key\\", \\"arn\\": \\"$KMS_KEY_ARN\\", \\"keyprovider\\": \\"AWS-KMS\\" }" > provider.json
  ARN_FINGERPRINT=$(jq -r .arnFingerPrint provider.json)

  # List the key providers
  curl -L "$KEYHOLD_URL/api/v1/encryption/keyproviders" \\
    -H "Authorization: Bearer $KEYHOLD_TOKEN" -H "Content-Type: application/json"

  # Migrate the tenant to it, and watch
  curl -L -X POST "$KEYHOLD_URL/api/v1/encryption/keyproviders/$ARN_FINGERPRINT/actions/migrate" \\
    -H "Content-Type: application/json" -H "Authorization: Bearer $KEYHOLD_TOKEN"
  curl -L "$KEYHOLD_URL/api/v1/encryption/keyproviders/migration/actions/details" \\
    -H "Authorization: Bearer $KEYHOLD_TOKEN"

  # Go back; once the details say Completed, delete it
  curl -L -X POST "$KEYHOLD_URL/api/v1/encryption/keyproviders/actions/reset-to-default-provider" \\
    -H "Content-Type: application/json" -H "Authorization: Bearer $KEYHOLD_TOKEN"
  curl -L -X DELETE "$KEYHOLD_URL/api/v1/encryption/keyproviders/$ARN_FINGERPRINT" \\
    -H "Content-Type: application/json" -H "Authorization: Bearer $KEYHOLD_TOKEN"

The same with the CLI: npx keyhold keyprovider --help

Ctrl-C stops everything; the data stays.
`
}
