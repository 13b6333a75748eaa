/**
 * Sets top-level members of a JSON object by replacing their bytes alone: numbers beyond 2^53, key order, tools and unknown fields
 * stay as the client wrote them. `text` must be valid JSON whose top level is an object; a null value removes the member.
 */
export function spliceMembers(text: string, members: Record<string, unknown>): string {
  const found = topLevelMembers(text);
  let result = '';
  let from = 0;
  const rest = new Map(Object.entries(members));
  for (const member of found.members) {
    if (!rest.has(member.key) && !Object.hasOwn(members, member.key)) continue;
    const value = members[member.key];
    rest.delete(member.key);
    if (value === null) {
      result += text.slice(from, member.start);
      from = member.next;
    } else {
      result += text.slice(from, member.valueStart) + JSON.stringify(value);
      from = member.valueEnd;
    }
  }
  result += text.slice(from, found.close);
  let comma = /[^\s{,]/.test(result.slice(-1)) || !/[{,]\s*$/.test(result);
  for (const [key, value] of rest) {
    if (value === null) continue;
    result += `${comma ? ',' : ''}${JSON.stringify(key)}:${JSON.stringify(value)}`;
    comma = true;
  }
  return result.replace(/,\s*$/, '') + text.slice(found.close);
}

interface Member {
  key: string;
  start: number;
  valueStart: number;
  valueEnd: number;
  /** where the following member begins, behind the comma */
  next: number;
}

function topLevelMembers(text: string): { members: Member[]; close: number } {
  const members: Member[] = [];
  let index = text.indexOf('{') + 1;
  for (;;) {
    index = skipSpace(text, index);
    if (text[index] === '}') return { members, close: index };
    const start = index;
    const keyEnd = endOfString(text, index);
    const key = JSON.parse(text.slice(index, keyEnd)) as string;
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const valueEnd = endOfValue(text, valueStart);
    index = skipSpace(text, valueEnd);
    const next = text[index] === ',' ? index + 1 : index;
    members.push({ key, start, valueStart, valueEnd, next });
    if (text[index] === ',') index += 1;
  }
}

function skipSpace(text: string, index: number): number {
  let at = index;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return at;
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first !== '{' && first !== '[') {
    let at = start;
    while (at < text.length && !/[\s,}\]]/.test(text[at]!)) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = start; ; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at) - 1;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
}
