import ui from '@nuxt/ui/vite';
import vue from '@vitejs/plugin-vue';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const backend = process.env['LLMOPS_URL'] ?? 'http://127.0.0.1:8000';
const proxied = ['/llm-ops', '/v1', '/auth', '/docs', '/healthz', '/readyz', '/metrics'];

export default defineConfig({
  root: import.meta.dirname,
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  plugins: [
    vue(),
    ui({
      autoImport: false,
      components: { dts: 'components.d.ts', dirs: [] },
      // icons are part of the build: nothing is asked of an icon service at run time
      icon: { clientBundle: { scan: { globInclude: ['src/**/*.{vue,ts}'] }, sizeLimitKb: 0 } },
      ui: {
        colors: { primary: 'indigo', neutral: 'zinc' },
        button: { variants: { size: { md: { leadingIcon: 'size-4', trailingIcon: 'size-4' } } } },
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
