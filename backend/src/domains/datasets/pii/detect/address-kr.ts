import { HYPHEN, isDigit, isHangul, isSpace, textOf } from '../characters.ts';
import type { Findings } from '../types.ts';

const code = (text: string): number => text.charCodeAt(0);
const set = (text: string): ReadonlySet<number> => new Set(Array.from(text, code));

const roads = set('로길');
const lots = set('동리가');
const districts = set('시군구');
const between = set('읍면동리로길가');
const provinces =
  '서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|충청북|충청남|전북|전남|전라북|전라남|경북|경남|경상북|경상남|제주';
const province = new RegExp(`^(?:${provinces})(?:특별시|광역시|특별자치시|특별자치도|도|시)?$`);
const beginnings = new Set(provinces.split('|').map((name) => name.charCodeAt(0) * 0x10000 + name.charCodeAt(1)));
const isProvinceAt = (codes: Uint16Array, start: number, end: number): boolean =>
  end - start <= 8 &&
  beginnings.has(codes[start]! * 0x10000 + codes[start + 1]!) &&
  province.test(textOf(codes, start, end));
/** After a number they make it a count: 3분, 2명, 5시 … but not 번지 and 번길. */
const counters = set('분명시개년월일원회점배차위건대권장살세인주편곳잔병마쪽장kmKM%㎞');
const [BEON, JI, GIL] = [code('번'), code('지'), code('길')] as const;
const parts = set('동호층');

/** A road name address or a lot number address, seen from the building's or lot's number, with what is said of the flat behind it. */
export function detectKoreanAddress(codes: Uint16Array, at: number, end: number, findings: Findings): void {
  let before = at;
  if (isSpace(codes[before - 1]!)) before--;
  const suffix = codes[before - 1]!;
  const isRoad = roads.has(suffix);
  if (!isRoad && !lots.has(suffix)) return;
  // a road may have a number in its own name, whose number comes later
  const next = codes[end]!;
  if (counters.has(next) || next === GIL || (next === BEON && codes[end + 1] !== JI)) return;

  const own = startOfToken(codes, before);
  if (before - own < 2 || (codes[before - 2] === code('으') && isRoad)) return;
  let start = own;
  let hasDistrict = false;
  let hasProvince = false;
  for (let token = 0, edge = own; token < 5 && isSpace(codes[edge - 1]!); token++) {
    const tokenEnd = edge - 1;
    const tokenStart = startOfToken(codes, tokenEnd);
    if (tokenEnd - tokenStart < 2) break;
    const last = codes[tokenEnd - 1]!;
    const isProvince = isProvinceAt(codes, tokenStart, tokenEnd);
    const isDistrict = districts.has(last);
    // 제주시 is in 제주특별자치도: a province may stand before what could be one, and nothing else may
    if (hasProvince && !isProvince) break;
    if (isProvince || isDistrict) start = tokenStart;
    else if (hasDistrict || !between.has(last)) break;
    hasProvince ||= isProvince;
    hasDistrict ||= isDistrict && !isProvince;
    edge = tokenStart;
  }
  if (!hasDistrict && !(hasProvince && isRoad)) return;
  const confidence = hasProvince ? (hasDistrict ? 0.85 : 0.75) : isRoad ? 0.6 : 0.5;
  if (!isPseudonym(codes, own)) findings.add('address', start, endOfAddress(codes, end), confidence);
}

function startOfToken(codes: Uint16Array, end: number): number {
  let start = end;
  while (start > end - 14 && (isHangul(codes[start - 1]!) || isDigit(codes[start - 1]!))) start--;
  return start;
}

/** 예시로, the street of pseudonyms */
const isPseudonym = (codes: Uint16Array, start: number): boolean =>
  codes[start] === code('예') && codes[start + 1] === code('시') && codes[start + 2] === code('로');

/** After the number: `-12`, `번지`, `, 101동 1502호`, `3층`, `(역삼동)`. */
function endOfAddress(codes: Uint16Array, number: number): number {
  let end = number;
  if (codes[end] === HYPHEN && isDigit(codes[end + 1]!)) end = endOfDigits(codes, end + 1);
  if (codes[end] === BEON && codes[end + 1] === JI) end += 2;
  for (;;) {
    let next = end;
    while (next < end + 2 && (codes[next] === 44 || isSpace(codes[next]!))) next++;
    if (codes[next] === 40 && isHangul(codes[next + 1]!)) {
      const close = endOfBrackets(codes, next);
      if (close === 0) return end;
      end = close;
      continue;
    }
    const digits = endOfDigits(codes, next);
    if (digits === next || !parts.has(codes[digits]!)) return end;
    end = digits + 1;
  }
}

function endOfDigits(codes: Uint16Array, start: number): number {
  let end = start;
  while (isDigit(codes[end]!) && end - start < 6) end++;
  return end;
}

/** `(역삼동, 어느빌딩)` names the old district. */
function endOfBrackets(codes: Uint16Array, start: number): number {
  for (let at = start + 1; at < start + 30; at++) {
    const unit = codes[at]!;
    if (unit === 41) return at + 1;
    if (!isHangul(unit) && !isDigit(unit) && !isSpace(unit) && unit !== 44) return 0;
  }
  return 0;
}
