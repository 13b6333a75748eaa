const dots = '***';

/** An excerpt for people: what kind of value it is and a little to tell two of them apart, never the value. */
export function maskOf(type: string, value: string): string {
  switch (type) {
    case 'email': {
      const [local = '', domain = ''] = value.split('@');
      const ending = domain.slice(domain.lastIndexOf('.'));
      return `${local.slice(0, 1)}${dots}@${domain.slice(0, 1)}${dots}${ending}`;
    }
    case 'credit_card':
      return withLast(value, 4);
    case 'phone':
    case 'kr_brn':
    case 'kr_corp':
    case 'kr_rrn':
    case 'kr_foreigner':
    case 'us_ssn':
    case 'iban':
    case 'passport':
      return withLast(value, 2);
    case 'ip_address':
      return value.includes(':') ? `${value.slice(0, 2)}${dots}` : `${value.slice(0, value.indexOf('.'))}.${dots}`;
    case 'api_key':
      return `${/^(?:sk-ant-|sk-|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|AKIA|ASIA|AIza|hf_|npm_|[sr]k_(?:live|test)_|eyJ)/.exec(value)?.[0] ?? ''}${dots}`;
    case 'private_key':
      return `-----BEGIN ${dots}`;
    case 'address':
      return `${Array.from(value).slice(0, 2).join('')}${dots}`;
    default:
      return value.length < 4 ? dots : `${Array.from(value).slice(0, 1).join('')}${dots}`;
  }
}

/** Stars for letters and digits but the last ones; what stands between them stays. At least six are hidden. */
function withLast(value: string, shown: number): string {
  const characters = Array.from(value.slice(-40));
  const significant = characters.filter(isSignificant).length;
  let left = significant - Math.min(shown, Math.max(0, significant - 6));
  return characters.map((character) => (isSignificant(character) && left-- > 0 ? '*' : character)).join('');
}

const isSignificant = (character: string): boolean => /[\p{L}\p{N}<]/u.test(character);
