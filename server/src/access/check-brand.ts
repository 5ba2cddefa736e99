// Checks a brand before it is stored: a colour on which white text can be read, a logo that is a picture and no program, and links that
// lead over https.
import { KeyholdError } from '@keyhold/core'
import type { Brand, BrandLogo } from '../store/console/brand.ts'

// WCAG 2.2, success criterion 1.4.3, for text of any size.
const minContrast = 4.5
const maxLogoBytes = 102_400

/** @throws KeyholdError `ERR_BRAND_INVALID` */
export function checkBrand(brand: Brand): void {
  const { accent, logo } = brand
  if (accent !== undefined && contrastWithWhite(accent) < minContrast) {
    throw invalid(
      `White text on ${accent} has a contrast of ${contrastWithWhite(accent).toFixed(2)}, and needs ${minContrast}: choose a darker colour.`,
    )
  }
  if (logo !== undefined) checkLogo(logo)
  for (const url of [brand.imprintUrl, brand.privacyUrl, brand.termsUrl])
    if (url !== undefined && !isHttps(url)) throw invalid('Links must be https URLs without a user.')
}

function checkLogo({ type, bytes }: BrandLogo): void {
  if (bytes.length > maxLogoBytes) throw invalid(`The logo has more than ${maxLogoBytes} bytes.`)
  if (signatures.find((each) => each.type === type)?.fits(bytes) !== true)
    throw invalid('The logo is not the kind of picture that its type says: use PNG, JPEG or WebP.')
}

// By their first bytes. A picture in SVG may hold programs.
const signatures: readonly { type: string; fits: (bytes: Buffer) => boolean }[] = [
  { type: 'image/png', fits: (bytes) => bytes.subarray(0, 8).toString('hex') === '89504e470d0a1a0a' },
  { type: 'image/jpeg', fits: (bytes) => bytes.subarray(0, 3).toString('hex') === 'ffd8ff' },
  {
    type: 'image/webp',
    fits: (bytes) =>
      bytes.subarray(0, 4).toString('latin1') === 'RIFF' &&
      bytes.subarray(8, 12).toString('latin1') === 'WEBP',
  },
]

function isHttps(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'https:' && url.username === '' && url.password === ''
}

/** WCAG 2.2, "contrast ratio". */
export function contrastWithWhite(accent: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(accent.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ERR_BRAND_INVALID', { message })
}
