"""What a page must not have, as scripts: texts that are hard to read, and things without a name."""

from __future__ import annotations

UNREADABLE = """(() => {
  const rgb = text => {
    const p = document.createElement('canvas').getContext('2d');
    p.fillStyle = text; p.fillRect(0, 0, 1, 1);
    return [...p.getImageData(0, 0, 1, 1).data];
  };
  const mix = (a, b, share) => a * share / 255 + b * (1 - share / 255);
  const over = (top, under) => top.slice(0, 3).map((v, i) => mix(v, under[i], top[3]));
  const light = c => c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgb(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const bad = [];
  for (const element of document.querySelectorAll('main *, header *')) {
    const own = [...element.childNodes].some(n => n.nodeType == 3 && n.data.trim());
    const box = element.getBoundingClientRect();
    if (!own || !box.width || !box.height) continue;
    if (element.closest('svg, option, .hidden, .off, noscript')) continue;
    const style = getComputedStyle(element), paper = behind(element);
    if (style.visibility == 'hidden') continue;
    let faint = 1;
    for (let e = element; e; e = e.parentElement) faint *= +getComputedStyle(e).opacity;
    const ink = rgb(style.color); ink[3] *= faint;
    const [a, b] = [light(over(ink, paper)), light(paper)].sort((x, y) => y - x);
    const contrast = (a + .05) / (b + .05), name = element.className || element.tagName;
    if (contrast < 4.4) bad.push(`${name} ${contrast.toFixed(1)} ${element.textContent.trim().slice(0, 30)}`);
  }
  return [...new Set(bad)].slice(0, 5);
})()"""
"""Texts whose contrast is below that of WCAG AA."""

UNNAMED = """(() => {
  const bad = [];
  const words = e => (e.getAttribute('aria-label') || e.textContent || '').trim();
  for (const field of document.querySelectorAll('input:not([type=hidden]), select'))
    if (!field.getAttribute('aria-label') && ![...(field.labels || [])].some(words))
      bad.push(field.outerHTML);
  for (const link of document.querySelectorAll('a[href], button, summary'))
    if (!words(link) && !link.querySelector('img[alt]')) bad.push(link.outerHTML);
  for (const region of ['header', 'main', 'footer', 'nav'])
    if (!document.querySelector(region)) bad.push(region);
  return bad.map(b => b.slice(0, 90));
})()"""
"""Fields, links and landmarks that a screen reader could not name."""

AXE = "axe.run(document).then(r => r.violations.map(v => `${v.impact} ${v.id} ${v.nodes[0].html}`))"
"""What axe finds on a page, once its script runs there."""
