// Dark or light: as the element is told, else as the page is (gradio marks its body), else as the system is.

/** Keeps the attribute `light` right until the signal ends it; `changed` hears of every change. */
export function watchTheme(element, signal, changed) {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const dress = () => {
        const asked = element.getAttribute('theme');
        const gradio = document.querySelector('gradio-app') !== null;
        const dark = asked ? asked === 'dark' : document.body.classList.contains('dark') || (!gradio && system.matches);
        if (element.hasAttribute('light') === !dark) return;
        element.toggleAttribute('light', !dark);
        changed();
    };
    const observer = new MutationObserver(dress);
    observer.observe(document.body, { attributeFilter: ['class'] });
    observer.observe(element, { attributeFilter: ['theme'] });
    system.addEventListener('change', dress, { signal });
    signal.addEventListener('abort', () => observer.disconnect());
    dress();
}
