// The errors that a call meets at an external key store whose proxy fails: the fixed texts of AWS's specification of XKS
// proxies, and the exception of each kind of operation. Cryptography always ends with KMSInvalidStateException.

export type XksFailure =
  | 'AccessDeniedException'
  | 'AuthenticationFailedException'
  | 'DependencyTimeoutException'
  | 'InternalException'
  | 'InvalidCiphertext'
  | 'InvalidCiphertextException'
  | 'InvalidKeyUsageException'
  | 'InvalidStateException'
  | 'InvalidUriPathException'
  | 'KeyNotFoundException'
  | 'MalformedResponse'
  | 'NoTcpConnection'
  | 'NoTlsConnection'
  | 'SocketTimeout'
  | 'ThrottlingException'
  | 'UnsupportedOperationException'
  | 'ValidationException'

interface XksWords {
  message: string
  /** Of CreateKey. */
  onKey: string
  /** Of CreateCustomKeyStore and UpdateCustomKeyStore, and the error code of a connection. Absent: they do not meet it. */
  onStore?: { exception: string; code: string }
}

const badState = 'CustomKeyStoreInvalidStateException'
const unreachable = 'XksProxyUriUnreachableException'
const invalidResponse = {
  message:
    'AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report it to your external key store proxy administrator.',
  onKey: badState,
  onStore: { exception: 'XksProxyInvalidResponseException', code: 'XKS_PROXY_INVALID_RESPONSE' },
}

/**
 * By the error that the proxy answers, or by what happens on the way to it. `InvalidCiphertext` is a ciphertext of the
 * proxy's that AWS cannot open.
 */
export const xksFailures: ReadonlyMap<XksFailure, XksWords> = new Map([
  ['ValidationException', invalidResponse],
  ['MalformedResponse', invalidResponse],
  [
    'InvalidStateException',
    {
      message:
        'The external key associated with this KMS key in an external key store is not enabled in the external key manager. Enable the external key in the external key manager and retry the request.',
      onKey: 'XksKeyInvalidConfigurationException',
    },
  ],
  [
    'InvalidCiphertextException',
    {
      message:
        'The external key store proxy rejected the request because the specified ciphertext or encryption context is corrupted, missing, or otherwise invalid.',
      onKey: badState,
    },
  ],
  [
    'InvalidCiphertext',
    {
      message:
        'The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid.',
      onKey: badState,
    },
  ],
  [
    'InvalidKeyUsageException',
    {
      message:
        'The external key associated with this KMS key in an external key store does not support the requested operation. Enable the operation on the key in your external key manager, and try the request again.',
      onKey: 'XksKeyInvalidConfigurationException',
    },
  ],
  [
    'AuthenticationFailedException',
    {
      message:
        'The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS proxy authentication credentials for your external key store and update if necessary.',
      onKey: badState,
      onStore: {
        exception: 'XksProxyIncorrectAuthenticationCredentialException',
        code: 'INVALID_CREDENTIALS',
      },
    },
  ],
  [
    'AccessDeniedException',
    {
      message:
        'The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.',
      onKey: 'KMSInvalidStateException',
    },
  ],
  [
    'KeyNotFoundException',
    {
      message:
        'The external key associated with this KMS key in an external key store was not found in its external key manager. If the external key ID associated with this KMS key is incorrect, create a new KMS key with the correct external key ID.',
      onKey: 'XksKeyNotFoundException',
    },
  ],
  [
    'InvalidUriPathException',
    {
      message:
        'The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary.',
      onKey: badState,
      onStore: {
        exception: 'XksProxyInvalidConfigurationException',
        code: 'XKS_PROXY_INVALID_CONFIGURATION',
      },
    },
  ],
  [
    'UnsupportedOperationException',
    {
      message:
        'The external key store proxy rejected the request because it does not support the requested operation. If you see this error repeatedly, report it to your external key store proxy administrator.',
      onKey: 'XksKeyInvalidResponseException',
    },
  ],
  [
    'DependencyTimeoutException',
    {
      message:
        'The external key store proxy did not respond to the request in the time allotted. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
      onKey: badState,
      onStore: { exception: unreachable, code: 'XKS_PROXY_TIMED_OUT' },
    },
  ],
  [
    'ThrottlingException',
    {
      message:
        'The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of your calls using KMS keys in this external key store.',
      onKey: badState,
      onStore: { exception: unreachable, code: 'XKS_PROXY_NOT_REACHABLE' },
    },
  ],
  [
    'InternalException',
    {
      message:
        'The external key store proxy rejected the request because it cannot communicate with the external key manager. Verify that the external key store proxy configuration is correct and that the external key manager is available.',
      onKey: badState,
      onStore: { exception: 'XksProxyInvalidResponseException', code: 'XKS_PROXY_NOT_REACHABLE' },
    },
  ],
  [
    'NoTcpConnection',
    {
      message:
        'AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you see this error repeatedly, verify that your external key store proxy is active and is connected to the network, and that its endpoint URI is correct in your external keystore.',
      onKey: badState,
      onStore: { exception: unreachable, code: 'XKS_PROXY_NOT_REACHABLE' },
    },
  ],
  [
    'NoTlsConnection',
    {
      message:
        'AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate.',
      onKey: badState,
      onStore: { exception: unreachable, code: 'XKS_PROXY_INVALID_TLS_CONFIGURATION' },
    },
  ],
  [
    'SocketTimeout',
    {
      message:
        'AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
      onKey: badState,
      onStore: { exception: unreachable, code: 'XKS_PROXY_TIMED_OUT' },
    },
  ],
])

/** Undefined for what is no failure of a proxy. */
export function findXksWords(failure: string | undefined): XksWords | undefined {
  return [...xksFailures].find(([name]) => name === failure)?.[1]
}

/** The text for keys of a store that is not connected. */
export const notConnectedToProxy =
  'This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key store and try the request again.'
