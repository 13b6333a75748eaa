import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';

// Two guards, each enough by itself. The first: markup in the text stays text, and images (they would call other hosts) are not drawn.
const markdown = new MarkdownIt({ html: false, linkify: true }).disable('image');
markdown.renderer.rules['link_open'] = (tokens, index, options, _, renderer) => {
  tokens[index]?.attrSet('rel', 'noopener noreferrer nofollow');
  tokens[index]?.attrSet('target', '_blank');
  return renderer.renderToken(tokens, index, options);
};

// The second: whatever came out is cleaned as if it were hostile.
const cleaning = {
  ADD_ATTR: ['target'],
  FORBID_TAGS: ['img', 'style', 'form', 'input', 'button', 'iframe', 'svg', 'math', 'video', 'audio'],
  FORBID_ATTR: ['style', 'class', 'id'],
};

/** Text that people wrote in Markdown, as HTML that is safe to put into the page. */
export function renderMarkdown(source: string): string {
  return DOMPurify.sanitize(markdown.render(source), cleaning);
}
