// Finds text that is too pale for WCAG AA: its ratio to what lies behind it, as painted.
() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });

  // Any CSS colour as [red, green, blue, alpha], each 0 to 1.
  const parsed = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  };
  const over = ([r, g, b, a], behind) => [r, g, b].map((part, i) => part * a + behind[i] * (1 - a));
  const background = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parsed(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((behind, layer) => over(layer, behind), [1, 1, 1]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  const problems = [];
  const check = (element, colour, what) => {
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const behind = background(element);
    const found = ratio(over(parsed(colour), behind), behind);
    if (found < (large ? 3 : 4.5)) problems.push(`${found.toFixed(2)} ${what}`);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: element, textContent: text } = texts.currentNode;
    // A spoiler is hidden until it is pressed.
    if (!text.trim() || element.closest(":disabled, noscript, .spoiler:not(.shown)") || !element.checkVisibility()) continue;
    check(element, getComputedStyle(element).color, text.trim().slice(0, 40));
  }
  for (const field of document.querySelectorAll("input, textarea, select")) {
    if (!field.checkVisibility() || field.type === "checkbox") continue;
    if (field.placeholder) check(field, getComputedStyle(field, "::placeholder").color, `placeholder: ${field.placeholder}`);
    // The edge of a control, unless the box around it has one: 3 to 1.
    const style = getComputedStyle(field);
    const edge = ratio(over(parsed(style.borderTopColor), background(field)), background(field.parentElement));
    if (style.borderTopWidth !== "0px" && edge < 3) problems.push(`${edge.toFixed(2)} edge of ${field.name || field.id}`);
  }
  return problems;
}
