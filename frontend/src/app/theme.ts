import {
  Button,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  InputWrapper,
  type MantineColorsTuple,
  Modal,
  Tooltip,
} from '@mantine/core';

const slate: MantineColorsTuple = [
  '#e4eaf0',
  '#c3cdd7',
  '#9aa7b4',
  '#6b7a89',
  '#35424f',
  '#283441',
  '#18212b',
  '#131a22',
  '#0c1117',
  '#080c11',
];

const accent: MantineColorsTuple = [
  '#e3f7f0',
  '#cdebe0',
  '#9dd8c2',
  '#69c4a2',
  '#40b387',
  '#25a976',
  '#12a36d',
  '#008e5c',
  '#007a53',
  '#056b50',
];

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: { light: 9, dark: 8 },
  colors: { dark: slate, accent },
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '12px', sm: '14px', md: '14px', lg: '16px', xl: '20px' },
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '20px' }, h2: { fontSize: '16px' }, h3: { fontSize: '14px' } },
  },
  defaultRadius: 8,
  focusRing: 'auto',
  components: {
    Button: Button.extend({
      defaultProps: { size: 'sm' },
      styles: (_, { size }) =>
        size === 'compact-sm' ? { root: { fontSize: 13, fontWeight: 500 } } : { root: { fontWeight: 550 } },
    }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.55 },
        closeButtonProps: { 'aria-label': 'Close dialog' },
      },
      styles: { title: { fontSize: 16, fontWeight: 600 } },
    }),
    Drawer: Drawer.extend({
      defaultProps: {
        position: 'right',
        overlayProps: { backgroundOpacity: 0.45 },
        closeButtonProps: { 'aria-label': 'Close panel' },
      },
      styles: { title: { fontSize: 16, fontWeight: 600 } },
    }),
    Tooltip: Tooltip.extend({
      defaultProps: {
        openDelay: 250,
        multiline: true,
        maw: 320,
        events: { hover: true, focus: true, touch: true },
      },
    }),
    InputWrapper: InputWrapper.extend({
      styles: { label: { fontSize: 13, marginBottom: 4 }, description: { fontSize: 12 } },
    }),
  },
});

/** Mantine's default tints fail WCAG AA on these surfaces; these pass. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-text': '#16202a',
    '--mantine-color-dimmed': '#56616c',
    '--mantine-color-placeholder': '#6a747e',
    '--mantine-color-error': '#b3142f',
    '--mantine-color-default-border': '#c4ccd4',
    '--mantine-color-accent-light-color': '#055c44',
    '--mantine-color-red-light-color': '#a01c1c',
  },
  dark: {
    '--mantine-color-body': '#131a22',
    '--mantine-color-text': '#e4eaf0',
    '--mantine-color-dimmed': '#9aa7b4',
    '--mantine-color-placeholder': '#8593a1',
    '--mantine-color-error': '#ff8592',
    '--mantine-color-default': '#18212b',
    '--mantine-color-default-hover': '#202b37',
    '--mantine-color-default-border': '#35424f',
    '--mantine-color-accent-light-color': '#7fe3c2',
    '--mantine-color-red-light-color': '#ffb0b8',
  },
});
