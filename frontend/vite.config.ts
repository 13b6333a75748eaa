import ui from '@nuxt/ui/vite';
import vue from '@vitejs/plugin-vue';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const backend = process.env['LLMOPS_URL'] ?? 'http://127.0.0.1:8000';
const proxied = ['/llm-ops', '/v1', '/auth', '/docs', '/healthz', '/readyz', '/metrics'];

/** Compresses once at the build what the server would else send at full size: a `.gz` beside each text of the site. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    async writeBundle({ dir = '' }) {
      const files = await readdir(dir, { recursive: true });
      const texts = files.filter((file) => /\.(js|css|html|svg|json)$/.test(file) && !file.startsWith('.'));
      await Promise.all(
        texts.map(async (file) => {
          const bytes = await readFile(path.join(dir, file));
          if (bytes.length > 1024)
            await writeFile(path.join(dir, `${file}.gz`), await promisify(gzip)(bytes, { level: 9 }));
        }),
      );
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  plugins: [
    vue(),
    compress(),
    ui({
      autoImport: false,
      components: { dts: 'components.d.ts', dirs: [] },
      // icons are part of the build: nothing is asked of an icon service at run time
      icon: { clientBundle: { scan: { globInclude: ['src/**/*.{vue,ts}'] }, sizeLimitKb: 0 } },
      ui: {
        colors: { primary: 'indigo', neutral: 'zinc' },
        button: {
          variants: { size: { md: { leadingIcon: 'size-4', trailingIcon: 'size-4' } } },
          // under the pointer a filled button fades to three quarters, on which its text misses the contrast
          compoundVariants: [
            { color: 'primary', variant: 'solid', class: 'hover:bg-primary/90 active:bg-primary/90' },
            { color: 'error', variant: 'solid', class: 'hover:bg-error/90 active:bg-error/90' },
            { color: 'success', variant: 'solid', class: 'hover:bg-success/90 active:bg-success/90' },
          ],
        },
        // a see-through text misses the contrast of its tinted ground
        alert: { slots: { description: 'opacity-100' } },
      },
    }),
  ],
  define: {
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
    __VUE_PROD_DEVTOOLS__: false,
  },
  build: { target: 'es2023', manifest: true, reportCompressedSize: false, chunkSizeWarningLimit: 900 },
  server: {
    host: '127.0.0.1',
    // the platform checks Host and Origin; behind this proxy both are its own
    proxy: Object.fromEntries(
      proxied.map((path) => [path, { target: backend, changeOrigin: true, headers: { origin: backend } }]),
    ),
  },
});
