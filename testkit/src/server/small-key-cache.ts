/** As where there is little memory. Room for all the keys of a large machine costs every start 50 ms of a processor. */
export const smallKeyCache = { KEYHOLD_KEY_CACHE_MIB: '64' }
