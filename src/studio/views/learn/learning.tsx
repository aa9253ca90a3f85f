/** Chapter 2: a loss as a landscape, slopes, backpropagation, and what hidden neurons are for. */
import { Formula } from "../../components/formula.tsx";
import { Activation } from "./activation.tsx";
import { Chain } from "./chain.tsx";
import { Landscape } from "./landscape.tsx";
import { Questions } from "./questions.tsx";
import { Symbols } from "./symbols.tsx";
import { Xor } from "./xor.tsx";
import "./learning.css";

export default function Learning() {
  return (
    <>
      <p>
        The perceptron is told one thing only: right or wrong. Nearly all other networks are told more, namely by how
        much they are off. Then learning is one plain idea, done again and again: find out for each weight whether a
        little more or a little less of it makes the error smaller, and move it a little that way. This chapter shows it
        with two weights, with three neurons in a row, and with XOR, which was out of reach.
      </p>

      <h2>One number for how wrong</h2>
      <p>
        A plant was measured five times in two months. From its age we want to guess its height, by a straight line:
      </p>
      <Formula display tex="\hat y = w\,x + b" />
      <Symbols
        of={[
          ["x", "What goes in: the age, in months."],
          ["w", "The weight: by how much the plant grows in a month. Written next to x, it is multiplied by it."],
          ["b", "The bias: its height at the beginning."],
          ["\\hat y", "“y hat”, what the model says. Without the hat, y is what was measured."],
        ]}
      />
      <p>
        The model is off by <Formula tex="\hat y - y" /> for each measurement. That is squared, so that too much and too
        little both count, and large errors count most. The mean of these squares is the <strong>loss</strong>. All
        learning is to make it small.
      </p>
      <Formula display tex="L = \frac{1}{n} \sum_{k=1}^{n} (\hat y_k - y_k)^2" />
      <Symbols
        of={[
          ["L", "The loss: one number for how wrong the model is with these weights."],
          ["\\sum", "A Greek S, “sigma”, for sum: add up what follows, once for each measurement."],
          ["k, n", "The measurements are numbered; k is the number of one, from 1 to n, that of the last, here 5."],
          ["(\\;)^2", "Squared: multiplied by itself."],
        ]}
      />
      <p>
        Each pair of w and b has its loss. Let w go to the right and b upwards, and take the loss as the height of the
        ground: that is a landscape, and the map below is drawn like one for hikers, with lines of equal height. The
        ball is the model as it is now, and training lets it roll.
      </p>
      <Landscape />
      <h3>How it rolls</h3>
      <p>
        The ball does not see the map. It feels only how steep the ground is where it lies. The slope in the direction
        of w says how much L changes for each bit that w grows: at a slope of 3, a w that is larger by 0.01 makes L
        larger by about 0.03. Each step goes against the slopes, and the further the steeper they are. That is{" "}
        <strong>gradient descent</strong>; the gradient is all the slopes together.
      </p>
      <Formula
        display
        tex="\begin{aligned}w &\leftarrow w - \eta\,\frac{\partial L}{\partial w} \\ b &\leftarrow b - \eta\,\frac{\partial L}{\partial b}\end{aligned}"
      />
      <Symbols
        of={[
          [
            "\\frac{\\partial L}{\\partial w}",
            "The slope of L in the direction of w, also called the derivative of L by w. The round ∂ stands for “a very small bit of”.",
          ],
          ["\\eta", "“eta”, the learning rate: how far to go for a slope of 1. You set it."],
          ["\\leftarrow", "Becomes: what stands on the left gets the value on the right."],
        ]}
      />
      <ul class="try">
        <li>
          At a <strong>rate of 0.1</strong> the ball arrives from everywhere on the map of the plant: first quickly down
          the steep side, then slowly along the valley.
        </li>
        <li>
          At a <strong>rate of 0.4</strong> it overshoots: it leaps from one side of the valley to the other, a little
          less far each time, and still arrives. At <strong>0.46</strong> each leap is longer than the one before, and
          it diverges. Too small a rate costs time: 0.02 takes about five times as many steps as 0.1.
        </li>
        <li>
          Choose <strong>two neurons in a row</strong>. Now there are two hollows, equally deep, and the start decides
          in which the ball ends. Start it in the middle, at 0 and 0: it does not move. The ground there is level,
          although it goes down on two sides. It is a saddle, and almost any other start gets away from it.
        </li>
      </ul>

      <h2>Curves in place of the threshold</h2>
      <p>
        A perceptron cannot learn like this. Its threshold is level on both sides, with a cliff between, so its slope
        says nothing about which way to go. Two curves took its place. They rise gently from one value to another, and
        the slope at each place says how much a small change of what goes in changes what comes out.
      </p>
      <Formula display tex="\sigma(x) = \frac{1}{1 + e^{-x}} \qquad \tanh(x) = 2\,\sigma(2x) - 1" />
      <Symbols
        of={[
          ["\\sigma", "A small Greek s, “sigma”: the sigmoid. It turns any number into one between 0 and 1."],
          ["\\tanh", "“tan h”: the same curve, stretched so that it lies between −1 and 1."],
          ["e^{-x}", "e is a fixed number, 2.718…; you can leave the formula aside, as the picture says the same."],
        ]}
      />
      <Activation />
      <p>
        Point at the curves, or move the slider. The sigmoid’s slope is never above a quarter, that of tanh never above
        1, and both are largest in the middle. Five away from it less than 0.01 is left of either.
      </p>

      <h2>From the error back to the first weight</h2>
      <p>
        With two weights one could try out which way is down. A network has thousands, so the slopes of all of them are
        found in one go, from the error backwards: <strong>backpropagation</strong>. Here are three neurons in a row.
        Each multiplies what it reads by its weight and takes the tanh of it. (They have no bias, to keep it short.)
      </p>
      <Symbols
        of={[
          [
            "s_1, a_1",
            "The first neuron’s product, and what it says: its output. The small number tells which neuron.",
          ],
          ["t", "The target: what should come out."],
          ["\\cdot", "Times."],
          ["1 - a^2", "The slope of tanh at the place where it says a: the dashed curve above has the same numbers."],
        ]}
      />
      <Chain />
      <p>
        Why a product? Think of gears. If the second turns half as fast as the first, and the third twice as fast as the
        second, the third turns <Formula tex="0.5 \cdot 2 = 1" /> times as fast as the first. In the same way a small
        change of the first weight changes what the first neuron says by so much, that changes the second by so much for
        each bit, and so on to the error; the factors multiply. Mathematicians call it the <strong>chain rule</strong>.
        The numbers under “slope of L” are not worked out by hand: they come from the backward pass that the compiler
        makes of the equations, and the product agrees with them to the last digit shown.
      </p>
      <p>
        Two things can be seen here that matter later. What arrives at the first neuron has passed the slopes of all
        others and their weights, and none of the slopes is above 1: set all three weights to 0.5, and less than a
        quarter of the derivative at the answer arrives at the first neuron’s output. And a neuron that is saturated
        lets hardly anything through. The chapter on forgetting is about nothing else.
      </p>

      <h2>XOR, with hidden neurons</h2>
      <p>
        One line cannot part the corners of XOR. Two can: one neuron cuts off the corner (0, 0), another one (1, 1), and
        a third reads both and says 1 in between. Neurons between the inputs and the output are called{" "}
        <strong>hidden</strong>. Nobody tells them which line to draw. The four corners and the slopes are enough:
      </p>
      <Xor />
      <p class="small soft">
        Each square is the plane of the two inputs as one neuron sees it: blue where it says less than the middle of its
        range, orange where it says more; round corners should be 1, square ones 0. A line is where a hidden neuron says
        0. Wires are weights: the thicker, the larger; blue below zero. All four corners count at each update, by the
        same loss as above, and each weight takes the same kind of step as the ball.
      </p>
      <ul class="try">
        <li>
          Train a few starts. With two hidden neurons XOR is solved from about three starts in four. From the others
          training is stuck where the ground is almost level.
        </li>
        <li>
          Take <strong>one</strong> hidden neuron: it is never solved. Take <strong>four</strong>: it is solved from
          every start tried, and sooner. More neurons than are needed leave more ways down.
        </li>
        <li>
          Compare the lines of different starts. The networks do the same with different weights; there is no one right
          place in the landscape.
        </li>
      </ul>
      <Questions chapter="learning" />
      <p class="sources">
        A. Cauchy, “Méthode générale pour la résolution des systèmes d’équations simultanées”, 1847, has gradient
        descent. D. E. Rumelhart, G. E. Hinton and R. J. Williams, “Learning representations by back-propagating
        errors”, Nature 323, 1986. That each neuron shows its view while it trains is the idea of D. Smilkov, S. Carter,
        D. Sculley, F. Viégas and M. Wattenberg, “TensorFlow Playground”, 2016.
      </p>
    </>
  );
}
