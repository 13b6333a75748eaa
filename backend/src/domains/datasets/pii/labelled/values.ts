import type { Draw } from './draw.ts';
import { businessNumber, corporateNumber, mrzCheck, residentNumber, withIbanCheck, withLuhn } from './numbers.ts';

const lowers = 'abcdefghijklmnopqrstuvwxyz';
const uppers = lowers.toUpperCase();
const numerals = '0123456789';
const base62 = lowers + uppers + numerals;

/** A personal value; where words must stand beside it to know it, `needs` says so. */
export interface Value {
  type: string;
  text: string;
  needs: boolean;
}
const sure = (type: string, text: string): Value => ({ type, text, needs: false });
const vague = (type: string, text: string): Value => ({ type, text, needs: true });

const names = [
  'minji',
  'j.kim',
  'sarah',
  'hong_gildong',
  'peter.m',
  'lee-sh',
  'd2park',
  'anna.k.berg',
  'x99',
  'choi.yuna',
  'mark',
  'support',
  'jane+news',
];
const hosts = [
  'gmail.com',
  'naver.com',
  'daum.net',
  'kakao.com',
  'outlook.com',
  'snu.ac.kr',
  'mail.go.kr',
  'corp.co.kr',
  'uni-bonn.de',
  'bbc.co.uk',
  'startup.io',
  'my-shop.store',
  'dept.example.edu',
  'proton.me',
];

function email(draw: Draw): Value {
  const number = draw.chance(0.4) ? draw.digits(1 + draw.below(4)) : '';
  const address = `${draw.pick(names)}${number}@${draw.pick(hosts)}`;
  return sure('email', draw.chance(0.1) ? address.toUpperCase() : address);
}

function koreanPhone(draw: Draw): Value {
  const last = draw.digits(4);
  const middle = `${2 + draw.below(8)}${draw.digits(3)}`;
  switch (draw.below(8)) {
    case 0:
      return sure('phone', `010 ${middle} ${last}`);
    case 1:
      return sure('phone', `010.${middle}.${last}`);
    case 2:
      return sure('phone', `010${middle}${last}`);
    case 3:
      return sure('phone', `${draw.pick(['02', '031', '051', '064'])}-${middle}-${last}`);
    case 4:
      return sure('phone', `${draw.pick(['02', '032', '053'])}) ${middle.slice(0, 3)}-${last}`);
    case 5:
      return sure('phone', `+82 10-${middle}-${last}`);
    case 6:
      return sure('phone', `+82${draw.pick(['10', ' (0)10 '])}${middle}${last}`);
    default:
      return sure('phone', `010-${middle}-${last}`);
  }
}

function americanPhone(draw: Draw): Value {
  const area = draw.pick(['212', '415', '617', '312', '206', '305', '713', '404', '503', '702']);
  const [exchange, line] = [`${2 + draw.below(8)}${draw.digits(2)}`, draw.digits(4)];
  switch (draw.below(6)) {
    case 0:
      return sure('phone', `(${area}) ${exchange}-${line}`);
    case 1:
      return sure('phone', `+1 ${area} ${exchange} ${line}`);
    case 2:
      return sure('phone', `+1 (${area}) ${exchange}-${line}`);
    case 3:
      return sure('phone', `${area}.${exchange}.${line}`);
    case 4:
      return vague('phone', `${area}${exchange}${line}`);
    default:
      return sure('phone', `${draw.chance(0.3) ? '1-' : ''}${area}-${exchange}-${line}`);
  }
}

function otherPhone(draw: Draw): Value {
  const d = draw.digits;
  const forms = [
    () => `+44 20 7${d(3)} ${d(4)}`,
    () => `+44 79${d(2)} ${d(6)}`,
    () => `+44 (0)20 7${d(3)} ${d(4)}`,
    () => `+81 90-${1 + draw.below(9)}${d(3)}-${d(4)}`,
    () => `+49 151 ${1 + draw.below(9)}${d(7)}`,
    () => `+33 6 1${d(1)} ${d(2)} ${d(2)} ${d(2)}`,
    () => `+86 138 ${d(4)} ${d(4)}`,
    () => `+61 4${10 + draw.below(10)} ${d(3)} ${d(3)}`,
    () => `+65 9${1 + draw.below(7)}${d(2)} ${d(4)}`,
    () => `+91 98${d(3)} ${d(5)}`,
    () => `+33612${d(6)}`,
  ];
  return sure('phone', draw.pick(forms)());
}

function card(draw: Draw): Value {
  const [prefix, length] = draw.pick([
    ['4', 16],
    ['51', 16],
    ['2223', 16],
    ['37', 15],
    ['6011', 16],
    ['3530', 16],
    ['62', 16],
    ['36', 14],
  ] as const);
  const number = withLuhn(`${prefix}${draw.digits(length - 1 - prefix.length)}`);
  const layout =
    length === 16
      ? /^(\d{4})(\d{4})(\d{4})(\d{4})$/
      : length === 15
        ? /^(\d{4})(\d{6})(\d{5})$/
        : /^(\d{4})(\d{6})(\d{4})$/;
  const written = draw.below(3);
  if (written === 0) return vague('credit_card', number);
  return sure('credit_card', (layout.exec(number) ?? []).slice(1).join(written === 1 ? ' ' : '-'));
}

function iban(draw: Draw): Value {
  const d = draw.digits;
  const [country, account] = draw.pick([
    ['DE', d(18)],
    ['GB', `WEST${d(14)}`],
    ['FR', d(23)],
    ['NL', `ABNA${d(10)}`],
    ['ES', d(20)],
    ['IT', `X${d(22)}`],
    ['CH', d(17)],
    ['PL', d(24)],
    ['AT', d(16)],
    ['BE', d(12)],
  ] as const);
  const number = withIbanCheck(country, account);
  return sure('iban', draw.chance(0.5) ? number : number.replaceAll(/(.{4})(?=.)/g, '$1 '));
}

function ssn(draw: Draw): Value {
  const area = String(1 + draw.below(8)) + draw.digits(2);
  const [group, serial] = [String(1 + draw.below(99)).padStart(2, '0'), String(1 + draw.below(9999)).padStart(4, '0')];
  if (area === '666') return ssn(draw);
  const form = draw.below(4);
  if (form === 0) return vague('us_ssn', `${area}${group}${serial}`);
  return form === 1 ? vague('us_ssn', `${area} ${group} ${serial}`) : sure('us_ssn', `${area}-${group}-${serial}`);
}

function resident(draw: Draw): Value {
  const kind = draw.chance(0.25) ? 'foreigner' : 'citizen';
  const type = kind === 'foreigner' ? 'kr_foreigner' : 'kr_rrn';
  const random = draw.chance(0.3);
  const number = residentNumber(draw, kind, random ? 'random' : 'checked');
  if (draw.chance(0.7)) return sure(type, number);
  return vague(type, number.replace('-', ''));
}

const business = (draw: Draw): Value => {
  const number = businessNumber(draw);
  return draw.chance(0.7) ? sure('kr_brn', number) : vague('kr_brn', number.replaceAll('-', ''));
};
const corporate = (draw: Draw): Value => vague('kr_corp', corporateNumber(draw));

function passport(draw: Draw): Value {
  switch (draw.below(5)) {
    case 0:
      return vague('passport', `M${draw.digits(3)}${draw.text(1, uppers)}${draw.digits(4)}`);
    case 1:
      return vague('passport', draw.digits(9));
    case 2:
      return vague('passport', `${draw.pick(['TK', 'EA', 'XN'])}${draw.digits(7)}`);
    case 3: {
      const number = `M${draw.digits(8)}`;
      const [born, until] = [
        `8${draw.digits(1)}0${1 + draw.below(9)}1${draw.digits(1)}`,
        `3${draw.digits(1)}0${1 + draw.below(9)}0${1 + draw.below(9)}`,
      ];
      const [first, second, third] = [
        `${number}${mrzCheck(number)}`,
        `${born}${mrzCheck(born)}`,
        `${until}${mrzCheck(until)}`,
      ];
      const own = '<'.repeat(14);
      const whole = mrzCheck(`${first}${second}${third}${own}0`);
      const line = `P<KOR${draw.pick(['KIM<<MINJI', 'PARK<<JUN<HO', 'LEE<<SOO'])}`.padEnd(44, '<');
      return sure('passport', `${line}\n${first}KOR${second}F${third}${own}0${whole}`);
    }
    default:
      return vague('passport', `${draw.pick(['M', 'S', 'R', 'D'])}${draw.digits(8)}`);
  }
}

function ip(draw: Draw): Value {
  if (draw.chance(0.25)) {
    const group = (): string => draw.text(4, '123456789abcdef');
    return sure(
      'ip_address',
      draw.chance(0.5)
        ? `2001:${group()}:${group()}::${group()}`
        : `2a02:${Array.from({ length: 7 }, group).join(':')}`,
    );
  }
  const first = draw.pick([8, 23, 45, 58, 91, 104, 121, 141, 175, 203, 211, 222]);
  return sure('ip_address', `${first}.${30 + draw.below(220)}.${draw.below(256)}.${1 + draw.below(254)}`);
}

function address(draw: Draw): Value {
  const number = 1 + draw.below(400);
  switch (draw.below(6)) {
    case 0:
      return sure('address', `서울특별시 강남구 ${draw.pick(['테헤란로', '봉은사로', '도산대로'])} ${number}`);
    case 1:
      return sure(
        'address',
        `${draw.pick(['경기도 성남시 분당구', '부산광역시 해운대구', '대전 유성구'])} ${draw.pick(['판교역로', '센텀중앙로', '대학로'])} ${number}-${1 + draw.below(30)}, ${101 + draw.below(9)}동 ${201 + draw.below(900)}호`,
      );
    case 2:
      return sure(
        'address',
        `서울시 마포구 ${draw.pick(['서교동', '연남동', '망원동'])} ${number}-${1 + draw.below(99)}`,
      );
    case 3:
      return sure(
        'address',
        `${draw.pick(['수원시 영통구', '청주시 흥덕구'])} ${draw.pick(['광교중앙로', '가로수로'])}${10 + draw.below(90)}번길 ${number}`,
      );
    case 4:
      return sure(
        'address',
        `${number} ${draw.pick(['Maple', 'Oak Hill', 'Martin Luther King', 'W 42nd', 'Lincoln'])} ${draw.pick(['Street', 'Ave', 'Blvd', 'Road', 'Lane'])}, ${draw.pick(['Springfield, IL 62704', 'Austin, TX 78701', 'Portland, OR 97205-1234'])}`,
      );
    default:
      return sure(
        'address',
        `${number} ${draw.pick(['Elm', 'Cedar', 'Baker', 'Washington'])} ${draw.pick(['Street', 'Avenue', 'Drive', 'Ct'])}${draw.chance(0.5) ? `, Apt ${1 + draw.below(40)}` : ''}`,
      );
  }
}

function key(draw: Draw): Value {
  const forms = [
    () => `AKIA${draw.text(16, `${uppers}234567`)}`,
    () => `ghp_${draw.text(36, base62)}`,
    () => `glpat-${draw.text(20, `${base62}_`)}`,
    () => `xoxb-${draw.digits(12)}-${draw.digits(12)}-${draw.text(24, base62)}`,
    () => `sk-${draw.text(48, base62)}`,
    () => `sk-proj-${draw.text(64, `${base62}_`)}`,
    () => `sk-ant-api03-${draw.text(80, base62)}-${draw.text(6, base62)}AA`,
    () => `AIza${draw.text(35, `${base62}_`)}`,
    () => `sk_live_${draw.text(24, base62)}`,
    () => `hf_${draw.text(34, base62)}`,
    () => `npm_${draw.text(36, base62)}`,
    () => `eyJhbGciOiJIUzI1NiJ9.eyJ${draw.text(40, base62)}.${draw.text(43, `${base62}_`)}`,
  ];
  return sure('api_key', draw.pick(forms)());
}

function pem(draw: Draw): Value {
  const kind = draw.pick(['RSA ', 'EC ', '', 'OPENSSH ']);
  const lines = Array.from({ length: 4 + draw.below(8) }, () => draw.text(64, `${base62}+/`));
  return sure(
    'private_key',
    [`-----BEGIN ${kind}PRIVATE KEY-----`, ...lines, `-----END ${kind}PRIVATE KEY-----`].join('\n'),
  );
}

/** One maker for each kind, the common ones more than once. */
export const makers: readonly ((draw: Draw) => Value)[] = [
  email,
  email,
  koreanPhone,
  koreanPhone,
  koreanPhone,
  americanPhone,
  americanPhone,
  otherPhone,
  card,
  card,
  iban,
  ssn,
  resident,
  resident,
  business,
  corporate,
  passport,
  ip,
  address,
  address,
  key,
  pem,
];
