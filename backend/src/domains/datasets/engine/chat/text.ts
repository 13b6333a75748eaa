import { exampleWords } from '../findings/sentences.ts';
import type { Report } from './faults.ts';

// Control characters but tab, line feed, carriage return; and the sign that stands for what could not be read.
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/;
const marker =
  /<\|[a-z_]{2,30}(?:\|>|>)|<｜[a-z_▁ ]{1,30}｜>|\[\/?INST\]|<<\/?SYS>>|<(?:start|end)_of_turn>|<\/?s>|<(?:bos|eos|pad|unk)>|\[(?:BOS|EOS)\]|^###? ?(?:Instruction|Response|Human|Assistant):/im;
const html =
  /<\/?(?:p|br|div|span|a|ul|ol|li|td|th|tr|table|tbody|font|strong|em|h[1-6]|img|script|style|iframe|body|html)(?:\s[^<>]{0,500})?\/?>|&(?:nbsp|amp|lt|gt|quot|apos|#\d{2,5});/i;
const fenced = /```[\s\S]*?(?:```|$)|`[^`\n]{1,500}`/g;

/** Faults of one text. Code between fences may hold anything. */
export function lintText(text: string, report: Report): void {
  if (control.test(text)) report('chat_control_characters');
  if (!text.includes('<') && !text.includes('&') && !text.includes('[') && !text.includes('##')) return;
  const suspects = marker.test(text) || html.test(text);
  if (!suspects) return;
  const prose = text.includes('`') ? text.replaceAll(fenced, ' ') : text;
  const found = marker.exec(prose);
  if (found !== null) report('chat_template_marker', () => exampleWords.line('marker', { marker: found[0].trim() }));
  const tag = html.exec(prose)?.[0];
  if (tag === undefined) return;
  const name = /^<\/?\w+/.exec(tag)?.[0];
  report('chat_html', () => exampleWords.line('html', { tag: name === undefined ? tag : `${name}>` }));
}
